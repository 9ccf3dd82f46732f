"""The residual's streams, and what is left when nothing is left out."""

import numpy as np
import pytest

from classical_baseline import Analytic
from qmc import Asian, Barrier, BlackScholes, Digital, FactorGrid, Goal, Price, Problem, Quantum
from qmc.average import Kept, average
from qmc.backends import Ideal
from qmc.circuits import MultiplexedRotation
from qmc.estimators import Adaptive, Certified, Iterative
from qmc.grids import Residual
from qmc.grids.residual_paths import ResidualPaths
from qmc.run import Run
from qmc.split import least_cost

MARKET = BlackScholes(spot=100.0, vol=0.25, rate=0.08, dividend_yield=0.04)
ASIAN = Problem(MARKET, Asian(strike=100.0, times=(0.25, 0.5)), Price())
# a put struck below the barrier that ends it: worth 0 on every path, as its cells say
NOTHING = Problem(
    MARKET,
    Barrier(strike=90.0, barrier=95.0, times=(0.5,), direction="down-and-out", kind="put"),
    Price(),
)


def test_a_stream_keeps_its_shorter_means():
    table, residual = FactorGrid(qubits=4).discretise(ASIAN), Residual(replicates=8)
    one, other = (residual.streams(ASIAN, table, np.random.default_rng(3))[0] for _ in range(2))
    long = one.after(512)
    for power in range(1, 10):
        short, again = one.after(2**power).mean, other.after(2**power).mean
        assert short == pytest.approx(again, rel=1e-12, abs=1e-15)
    assert one.after(512) == long
    assert long.mean == pytest.approx(other.after(512).mean, rel=1e-12)


def test_kept_streams_change_no_bit():
    """Estimators that read one seed's streams in turn find what `Quantum.solve` finds."""
    table, residual = FactorGrid(qubits=4).discretise(ASIAN), Residual()
    pilot, goal = residual.pilot(ASIAN, table), Goal(relative_tolerance=0.02)
    made = []

    def streams(rng):
        if not made:
            made.extend(residual.streams(ASIAN, table, rng))
        return made

    for estimator in (Iterative(), Adaptive(), Certified()):
        engine = Quantum(grid=FactorGrid(qubits=4), estimator=estimator, backend=Ideal())
        run = Run(
            problem=ASIAN,
            goal=goal,
            table=table,
            encoding=MultiplexedRotation(),
            estimator=estimator,
            backend=Ideal(),
            rng=np.random.default_rng(11),
        )
        answer = average(run, residual, Kept(pilot, streams))
        result = engine.solve(ASIAN, goal, rng=11)
        assert answer.interval.low == pytest.approx(result.interval.low, rel=1e-12)
        assert answer.interval.high == pytest.approx(result.interval.high, rel=1e-12)
        assert run.meter.queries == result.cost.queries
        assert run.residual_paths == result.cost.residual_paths


def test_a_contract_that_paid_on_no_path_has_no_interval():
    """All paths alike tell no spread: what none of them met may pay any sum."""
    engine = Quantum(grid=FactorGrid(qubits=4), estimator=Iterative(), backend=Ideal())
    result = engine.solve(NOTHING, Goal(tolerance=0.01), rng=5)
    assert result.value == 0.0
    assert np.isinf(result.interval.half_width)
    assert result.status == "unresolved"


def test_a_pilot_without_spread_leaves_a_share_for_what_it_did_not_meet():
    table, goal = FactorGrid(qubits=4).discretise(ASIAN), Goal(tolerance=0.01)
    encoded = MultiplexedRotation().encode(table)
    split = least_cost(goal, Iterative(), encoded, table.mean(), Residual(), 0.0)
    assert 0.0 < split.width < 1.0
    assert 0.0 < split.error < 1.0
    assert split.queries > 0.0


def test_what_is_rare_is_not_taken_for_nothing():
    """A strike beside a far cell's edge: 2 % of the price that one path in 20,000 shows.

    99.9 % intervals: a right program fails with probability .1 %.
    """
    problem = Problem(
        BlackScholes(spot=100.0, vol=0.2, rate=0.05), Digital(strike=180.0, expiry=1.0), Price()
    )
    truth = Analytic().solve(problem, Goal(tolerance=1.0)).value
    residual, table = Residual(), FactorGrid(qubits=6).discretise(problem)
    assert table.mean() == pytest.approx(0.981 * truth, rel=0.002)
    assert residual.pilot(problem, table) == 0.0
    found = residual.correct(
        problem,
        table,
        lambda _, width: width <= 0.01 * truth,
        error=0.001,
        first_paths=32,
        rng=np.random.default_rng(4),
    )
    assert found.paths >= 2**16
    assert abs(table.mean() + found.mean - truth) <= found.half_width


@pytest.mark.parametrize("calls", [0, 40])
def test_ctrl_c_hands_back_the_last_look(calls, monkeypatch):
    table, residual, seen = FactorGrid(qubits=4).discretise(ASIAN), Residual(), []
    after = ResidualPaths.after

    def interrupted(self, points):
        seen.append(points)
        if len(seen) > calls:
            raise KeyboardInterrupt
        return after(self, points)

    monkeypatch.setattr(ResidualPaths, "after", interrupted)
    found = residual.correct(
        ASIAN,
        table,
        lambda *_: False,
        error=0.05,
        first_paths=4096,
        rng=np.random.default_rng(1),
    )
    assert found.interrupted
    assert found.looks == calls // residual.replicates
    assert np.isfinite(found.half_width) == (calls > 0)
