"""Quantum: answers, statuses, budgets, stages, refusals."""

import dataclasses

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler

from classical_baseline import Analytic, MonteCarlo
from qmc import (
    ES,
    Asian,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    ExpectedLoss,
    Goal,
    Heston,
    HistoricalReturns,
    LawGrid,
    NormalReturns,
    NotConverged,
    Portfolio,
    Price,
    Probability,
    Problem,
    Put,
    Quantum,
    Round,
    StudentTReturns,
    UniformGrid,
    Unsupported,
    VaR,
)
from qmc.backends import Aer, DepolarizingNoise, Ideal, Sampler
from qmc.circuits import Comparator, Hadamards, LinearRotation, MultiplexedRotation
from qmc.errors import BackendFailed, InvalidProblem, TooLarge
from qmc.estimators import (
    Adaptive,
    Certified,
    Faster,
    Iterative,
    MaximumLikelihood,
    RealAmplitude,
    Sampling,
)
from qmc.grids import Residual
from qmc.measures import Tail
from qmc.testing import check_engine, check_grid

MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
CALL = Problem(MARKET, Call(strike=105.0, expiry=1.0), Price())
NORMAL = NormalReturns(mean=(0.0, 0.0), covariance=((1e-4, 0.0), (0.0, 1e-4)))
PORTFOLIO = Portfolio(weights=(0.5, 0.5), value=1000.0)
ENGINE = Quantum(backend=Ideal())


def exact(problem):
    return Analytic().solve(problem, Goal(tolerance=1.0), rng=0).value


@pytest.mark.parametrize(
    "contract",
    [
        Call(strike=105.0, expiry=1.0),
        Put(strike=105.0, expiry=1.0),
        CallSpread(low_strike=95.0, high_strike=110.0, expiry=1.0),
        Digital(strike=105.0, expiry=1.0, cash=10.0),
    ],
    ids=lambda c: type(c).__name__,
)
def test_prices_meet_the_tolerance_and_contain_the_truth(contract):
    problem = Problem(MARKET, contract, Price())
    result = ENGINE.solve(problem, Goal(tolerance=0.05), rng=3)
    assert result.status == "converged"
    assert result.covers == "continuous"
    assert result.interval.half_width <= 0.05
    assert result.interval.contains(exact(problem))
    assert result.cost.queries >= result.cost.shots > 0
    assert result.circuit.qubits == 6
    assert result.circuit.two_qubit_gates <= 32


def test_aer_is_the_default_and_agrees():
    result = Quantum().solve(CALL, Goal(tolerance=0.2), rng=5)
    assert isinstance(Quantum().backend, Aer)
    assert result.interval.contains(exact(CALL))
    assert result.status == "converged"


def test_relative_tolerance_and_probability():
    problem = Problem(MARKET, Call(strike=105.0, expiry=1.0), Probability(threshold=10.0))
    result = ENGINE.solve(problem, Goal(relative_tolerance=0.02), rng=1)
    assert result.interval.half_width <= 0.02 * result.value
    assert result.interval.contains(exact(problem))


def test_expected_loss_with_signed_values():
    model = NormalReturns(mean=(0.002, 0.0), covariance=((1e-4, 0.0), (0.0, 1e-4)))
    problem = Problem(model, PORTFOLIO, ExpectedLoss())
    result = ENGINE.solve(problem, Goal(tolerance=0.2), rng=1)
    assert result.interval.contains(-1.0)
    assert result.status == "converged"


def test_a_budget_is_never_exceeded_and_is_named():
    result = ENGINE.solve(CALL, Goal(tolerance=1e-4, queries=2_000), rng=1)
    assert result.status == "budget_exhausted"
    assert result.cost.queries <= 2_000
    assert result.interval.contains(exact(CALL))
    with pytest.raises(NotConverged, match="budget_exhausted") as caught:
        result.require()
    assert caught.value.result is result


def test_same_seed_same_bits_and_other_seed_other_bits():
    first, second, other = (
        ENGINE.solve(CALL, Goal(tolerance=0.05), rng=seed) for seed in (7, 7, 8)
    )
    assert (first.value, first.interval) == (second.value, second.interval)
    assert first.value != other.value


def test_uniform_grid_says_that_it_covers_the_grid_only():
    engine = Quantum(grid=UniformGrid(qubits=5), backend=Ideal())
    result = engine.solve(CALL, Goal(tolerance=0.05), rng=1)
    assert result.covers == "discretised"
    assert "of the discretised problem only" in str(result)
    assert "unknown" in result.explain()


RISK = [
    NORMAL,
    StudentTReturns(mean=(0.0, 0.0), covariance=((1e-4, 0.0), (0.0, 1e-4)), degrees_of_freedom=4.0),
    HistoricalReturns(returns=np.random.default_rng(2).normal(0.0, 0.01, size=(777, 2))),
]


@pytest.mark.parametrize("model", RISK, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("measure", [VaR(level=0.99), ES(level=0.975)], ids=repr)
def test_risk_measures_contain_the_continuous_truth(model, measure):
    problem = Problem(model, PORTFOLIO, measure)
    engine = Quantum(grid=LawGrid(qubits=8), backend=Ideal())
    result = engine.solve(problem, Goal(relative_tolerance=0.05), rng=11)
    assert result.covers == "continuous"
    assert result.status == "converged"
    assert result.interval.half_width <= 0.05 * abs(result.value)
    assert result.interval.contains(exact(problem))
    assert result.interval.contains(result.value)


def test_a_tie_ends_one_edge_wider():
    # 500 days with losses 1..500 (thousandths): F = 0.99 exactly between the atoms 495 and 496
    returns = -np.arange(1, 501)[:, None] / 1000.0
    problem = Problem(
        HistoricalReturns(returns=returns), Portfolio(weights=(1.0,), value=1000.0), VaR(level=0.99)
    )
    engine = Quantum(grid=LawGrid(qubits=9), estimator=Certified(), backend=Ideal())
    edges = engine.discrete_problem(problem).edges
    result = engine.solve(problem, Goal(queries=3_000_000), rng=1)
    assert result.interval.contains(495.0)
    assert result.status == "unresolved"
    # the tie is the first edge above 495; its neighbours are decided
    tie = int(np.searchsorted(edges, 495.0))
    assert (result.interval.low, result.interval.high) == (edges[tie - 1], edges[tie + 1])
    cells = (result.interval.high - result.interval.low) / (edges[2] - edges[1])
    assert cells == pytest.approx(2.0, abs=1e-9)
    # the library's own search gives up sooner, at a fraction of the queries
    searched = Quantum(grid=LawGrid(qubits=9), backend=Ideal()).solve(
        problem, Goal(queries=3_000_000), rng=1
    )
    assert searched.interval.contains(495.0)
    assert searched.interval.half_width < 5.0
    assert searched.cost.queries < 0.5 * result.cost.queries


@pytest.mark.parametrize(
    ("measure", "side"),
    [(VaR(level=0.9999), "last"), (ES(level=0.9999), "last"), (VaR(level=0.001), "first")],
    ids=repr,
)
def test_a_quantile_in_an_unbounded_cell_is_refused_and_says_how_to_widen(measure, side):
    engine = Quantum(grid=LawGrid(qubits=4, pilot_paths=8), backend=Ideal())
    problem = Problem(NORMAL, PORTFOLIO, measure)
    told = rf"unbounded {side} cell.*widen the grid with pilot_paths= of 1\d+,\d+ or more"
    for ask in (engine.solve, engine.plan):
        with pytest.raises(InvalidProblem, match=told):
            ask(problem, Goal(tolerance=1.0))


def test_the_grid_that_a_plan_chooses_holds_a_far_tail():
    problem = Problem(NORMAL, PORTFOLIO, VaR(level=0.9999))
    engine = ENGINE.chosen(problem, Goal(relative_tolerance=0.05))
    assert engine.grid.pilot_paths >= 100_000
    assert engine.discrete_problem(problem).holds(0.9999)
    result = engine.solve(problem, Goal(relative_tolerance=0.05), rng=1)
    assert result.status == "converged"
    assert result.interval.contains(exact(problem))


def test_a_coarse_grid_cannot_meet_a_fine_tolerance_and_says_so():
    engine = Quantum(grid=LawGrid(qubits=3), backend=Ideal())
    result = engine.solve(Problem(NORMAL, PORTFOLIO, VaR(level=0.95)), Goal(tolerance=1e-3), rng=1)
    assert result.status == "unresolved"
    assert result.interval.contains(exact(Problem(NORMAL, PORTFOLIO, VaR(level=0.95))))


def test_risk_budgets_are_kept():
    for measure in (VaR(level=0.99), ES(level=0.975)):
        problem = Problem(NORMAL, PORTFOLIO, measure)
        result = Quantum(grid=LawGrid(qubits=8), backend=Ideal()).solve(
            problem, Goal(queries=3_000), rng=2
        )
        assert result.cost.queries <= 3_000
        assert result.interval.contains(exact(problem))


def test_es_is_at_least_var_and_both_scale_with_the_position():
    goal = Goal(relative_tolerance=0.1)
    engine = Quantum(grid=LawGrid(qubits=7), backend=Ideal())

    def solve(measure, value):
        portfolio = Portfolio(weights=(0.5, 0.5), value=value)
        return engine.solve(Problem(NORMAL, portfolio, measure), goal, rng=4)

    assert solve(ES(level=0.975), 1.0).value >= solve(VaR(level=0.975), 1.0).value
    for measure in (VaR(level=0.99), ES(level=0.975)):
        small, large = solve(measure, 1.0), solve(measure, 4096.0)
        assert large.value == pytest.approx(4096.0 * small.value, rel=1e-9)
        assert large.interval.low == pytest.approx(4096.0 * small.interval.low, rel=1e-9)


def test_var_does_not_decrease_in_level():
    engine = Quantum(grid=LawGrid(qubits=7), backend=Ideal())
    values = [
        engine.solve(
            Problem(NORMAL, PORTFOLIO, VaR(level=level)), Goal(relative_tolerance=0.05), rng=4
        ).value
        for level in (0.9, 0.95, 0.975, 0.99, 0.995)
    ]
    assert values == sorted(values)


def test_stages_can_be_run_by_hand():
    table = ENGINE.discrete_problem(CALL)
    problem = ENGINE.amplitude_problem(CALL)
    amplitude = float(problem.probabilities @ problem.flags)
    assert problem.value(amplitude) == pytest.approx(table.mean(), rel=1e-12)
    (hits,) = ENGINE.oracle(CALL, rng=1).run((Round(power=0, shots=100),))
    assert 0 <= hits <= 100
    risk = Problem(NORMAL, PORTFOLIO, VaR(level=0.99))
    edge = float(ENGINE.discrete_problem(risk).edges[4])
    assert ENGINE.amplitude_problem(risk, Tail(edge)).scale == 1.0


@pytest.mark.parametrize("goal", [Goal(tolerance=0.05), Goal(queries=5_000)])
def test_plan_runs_nothing_and_predicts_queries(goal):
    plan = ENGINE.plan(CALL, goal)
    spent = ENGINE.solve(CALL, goal, rng=1).cost.queries
    assert plan.qubits == 8  # five of the grid, the flag, a clean ancilla, one to steer
    assert plan.two_qubit_gates <= 32
    assert 0.2 * spent < plan.expected_queries < 5.0 * spent
    assert plan.memory_bytes > 0.0
    assert plan.seconds > 0.0
    assert "qubits" in str(plan)


@pytest.mark.parametrize("measure", [VaR(level=0.99), ES(level=0.975)], ids=repr)
def test_plan_of_a_quantile_predicts_queries_and_classical_paths(measure):
    problem, goal = Problem(NORMAL, PORTFOLIO, measure), Goal(relative_tolerance=0.05)
    engine = Quantum(grid=LawGrid(qubits=7), backend=Ideal())
    plan = engine.plan(problem, goal)
    spent = np.median([engine.solve(problem, goal, rng=seed).cost.queries for seed in range(5)])
    paths = np.median([MonteCarlo().solve(problem, goal, rng=s).cost.queries for s in range(5)])
    assert 0.3 * spent < plan.expected_queries < 3.0 * spent
    assert 0.2 * paths < plan.classical_paths < 5.0 * paths
    assert plan.seconds > 0.0


def test_plan_stays_within_the_query_budget():
    problem = Problem(NORMAL, PORTFOLIO, ES(level=0.975))
    assert 500.0 < ENGINE.plan(problem, Goal(queries=700)).expected_queries <= 700.0


def test_plan_of_a_quantile_needs_edges():
    engine = Quantum(grid=UniformGrid(qubits=3), backend=Ideal())
    problem = Problem(NORMAL, PORTFOLIO, VaR(level=0.99))
    with pytest.raises(Unsupported):
        engine.plan(problem, Goal(tolerance=1.0))


def test_sampling_estimator_works_in_the_engine():
    engine = Quantum(estimator=Sampling(), backend=Ideal())
    result = engine.solve(CALL, Goal(tolerance=0.2), rng=1)
    assert result.cost.max_power == 0
    assert result.interval.contains(exact(CALL))


@pytest.mark.parametrize("field", ["grid", "encoding", "estimator", "backend"])
def test_parts_of_the_wrong_kind_are_refused(field):
    with pytest.raises(InvalidProblem, match=field):
        Quantum(**{field: 3})
    # a word has .encode, and is no encoding; a class is none either
    with pytest.raises(
        InvalidProblem, match=f"{field}='linear': must be an instance .*; .*such as"
    ):
        Quantum(**{field: "linear"})


@pytest.mark.parametrize(
    ("field", "part"),
    [
        ("backend", Ideal),
        ("encoding", MultiplexedRotation),
        ("grid", LawGrid),
        ("estimator", Sampling),
        ("residual", Residual),
    ],
)
def test_a_class_in_place_of_a_part_is_refused(field, part):
    with pytest.raises(InvalidProblem, match=rf"{field}=.*{part.__name__}"):
        Quantum(**{field: part})


def test_unknown_measures_are_refused():
    class Odd:
        on_loss = False

    with pytest.raises(Unsupported, match="Odd"):
        ENGINE.solve(Problem(MARKET, Call(strike=1.0, expiry=1.0), Odd()), Goal(tolerance=1.0))


def test_a_failing_backend_gives_no_result():
    class Broken:
        def oracle(self, problem, *, rng):
            raise BackendFailed("the device is gone")

    with pytest.raises(BackendFailed):
        Quantum(backend=Broken()).solve(CALL, Goal(tolerance=1.0))


def test_interruption_leaves_what_was_finished():
    class Interrupted:
        decay = 0.0

        def __init__(self):
            self.calls = 0

        def oracle(self, problem, *, rng):
            self.inner = Ideal().oracle(problem, rng=rng)
            return self

        def run(self, rounds):
            self.calls += 1
            if self.calls > 2:
                raise KeyboardInterrupt
            return self.inner.run(rounds)

    result = Quantum(backend=Interrupted()).solve(CALL, Goal(tolerance=0.01), rng=1)
    assert result.status == "interrupted"
    assert result.interval.contains(exact(CALL))
    assert result.cost.queries > 0


def test_conformance():
    check_engine(ENGINE, CALL, Goal(tolerance=0.2))
    check_grid(LawGrid(qubits=4), CALL)
    assert Iterative().anytime_valid


def test_an_unresolved_estimate_is_no_converged_result():
    class Swinging:
        decay = 0.0

        def __init__(self):
            self.calls = 0

        def oracle(self, problem, *, rng):
            return self

        def run(self, rounds):
            self.calls += 1
            return tuple(r.shots if self.calls % 2 else 0 for r in rounds)

    engine = Quantum(estimator=Iterative(), backend=Swinging())
    result = engine.solve(CALL, Goal(queries=20_000), rng=1)
    assert result.status == "unresolved"


@pytest.mark.parametrize("measure", [VaR(level=0.99), ES(level=0.975), ExpectedLoss()], ids=repr)
@pytest.mark.parametrize("queries", [1, 2, 3, 50])
def test_the_smallest_budgets_are_kept(measure, queries):
    result = ENGINE.solve(Problem(NORMAL, PORTFOLIO, measure), Goal(queries=queries), rng=1)
    assert result.cost.queries <= queries
    assert result.status in {"budget_exhausted", "converged"}


@pytest.mark.parametrize("level", [0.01, 0.05, 0.5])
def test_low_levels_are_resolved(level):
    problem = Problem(NORMAL, PORTFOLIO, VaR(level=level))
    engine = Quantum(grid=LawGrid(qubits=8), backend=Ideal())
    result = engine.solve(problem, Goal(tolerance=1.0), rng=1)
    assert result.status == "converged"
    assert result.interval.contains(exact(problem))


def test_certainties_cost_little_and_stay_probabilities():
    model = HistoricalReturns(returns=[[0.01], [0.02]])
    problem = Problem(model, Portfolio(weights=(1.0,), value=100.0), Probability(threshold=-5.0))
    result = ENGINE.solve(problem, Goal(tolerance=0.01), rng=1)
    assert result.value == pytest.approx(1.0, abs=0.01)
    assert result.interval.high <= 1.0
    assert result.cost.queries < 2_000


def test_threshold_searches_refuse_an_interval_for_the_end_only():
    engine = Quantum(estimator=Sampling(), backend=Ideal())
    with pytest.raises(Unsupported, match="shots_per_round"):
        engine.solve(Problem(NORMAL, PORTFOLIO, VaR(level=0.9)), Goal(tolerance=1.0), rng=1)


def test_a_tolerance_beyond_the_machine_is_refused_before_anything_runs(monkeypatch):
    monkeypatch.setattr("qmc.backends.aer.AerOracle.run", lambda *_: pytest.fail("it ran"))
    with pytest.raises(TooLarge, match="larger tolerance"):
        Quantum().solve(CALL, Goal(tolerance=1e-12), rng=1)


def test_a_history_prices_any_contract_of_one_period():
    @dataclasses.dataclass(frozen=True)
    class Straddle:
        times: tuple[float, ...] = (1 / 252,)

        def present_value(self, paths, discount):
            return np.abs(paths[:, -1, 0] - 1.0) * 100.0

    model = HistoricalReturns(returns=[[0.01], [-0.02], [0.03], [-0.01]])
    problem = Problem(model, Straddle(), Price())
    result = ENGINE.solve(problem, Goal(tolerance=0.05), rng=1)
    assert result.interval.contains(1.75)
    assert exact(problem) == pytest.approx(1.75)


@pytest.mark.parametrize(
    "goal", [Goal(tolerance=0.1), Goal(tolerance=0.5), Goal(relative_tolerance=0.02)], ids=repr
)
def test_an_estimator_that_fills_its_tolerance_converges_in_money(goal):
    """Adaptive's interval is as wide as allowed: rounding to money must not take it over."""
    engine = Quantum(grid=LawGrid(qubits=5), estimator=Adaptive(), backend=Ideal())
    for seed in range(15):
        assert engine.solve(CALL, goal, rng=seed).status == "converged"


def test_a_run_that_asked_nothing_is_not_converged():
    engine = Quantum(grid=LawGrid(qubits=4), estimator=Faster(), backend=Ideal())
    result = engine.solve(CALL, Goal(queries=100), rng=1)
    assert result.cost.queries == 0
    assert result.status == "budget_exhausted"


def test_a_signed_estimator_is_refused():
    with pytest.raises(InvalidProblem, match="signed"):
        Quantum(estimator=RealAmplitude(signed=True))


@pytest.mark.parametrize("measure", [VaR(level=0.99), ES(level=0.975)], ids=repr)
def test_a_plan_refuses_what_a_search_cannot_use(measure):
    problem = Problem(NORMAL, PORTFOLIO, measure)
    with pytest.raises(Unsupported, match="anytime_valid"):
        Quantum(estimator=Adaptive()).plan(problem, Goal(relative_tolerance=0.1))


@pytest.mark.parametrize(
    ("estimator", "kind"),
    [(Iterative(), "sampling"), (Adaptive(), "unproved"), (MaximumLikelihood(), "asymptotic")],
    ids=lambda part: part if isinstance(part, str) else type(part).__name__,
)
def test_the_budget_says_what_stands_behind_the_estimator(estimator, kind):
    engine = Quantum(grid=LawGrid(qubits=3), estimator=estimator, backend=Ideal())
    result = engine.solve(CALL, Goal(tolerance=0.5), rng=1)
    (line,) = (one for one in result.budget.lines if one.source == "amplitude estimation")
    assert line.kind == kind
    assert kind in str(result.explain())


@pytest.mark.parametrize(
    "encoding",
    [
        MultiplexedRotation(negligible=2e-4),
        MultiplexedRotation(negligible=2e-3),
        LinearRotation(scaling=0.1),
        Comparator(),
    ],
    ids=repr,
)
@pytest.mark.parametrize("measure", [VaR(level=0.9), ES(level=0.9)], ids=repr)
def test_a_biased_encoding_widens_the_tail_instead_of_missing_it(encoding, measure):
    if isinstance(encoding, Comparator) and isinstance(measure, ES):
        pytest.skip("a comparator encodes tails only")
    problem = Problem(NORMAL, PORTFOLIO, measure)
    engine = Quantum(grid=LawGrid(qubits=6), encoding=encoding, backend=Ideal())
    truth = exact(problem)
    for seed in range(8):
        result = engine.solve(problem, Goal(relative_tolerance=0.2, queries=60_000), rng=seed)
        assert result.interval.contains(truth)


@pytest.mark.parametrize("measure", [VaR(level=0.9), ES(level=0.9)], ids=repr)
@pytest.mark.parametrize("verb", ["plan", "solve"])
def test_a_bias_beyond_the_tail_is_refused_before_anything_runs(measure, verb, monkeypatch):
    """The cells of a quantile are not equally likely, so that Hadamards load another law."""
    asked = []
    monkeypatch.setattr(Ideal, "oracle", lambda *_, **__: asked.append(1))
    encoding = MultiplexedRotation(loader=Hadamards())
    engine = Quantum(grid=LawGrid(qubits=6), encoding=encoding, backend=Ideal())
    with pytest.raises(Unsupported, match=r"to within 0\.444.*tail of this level has 0\.1"):
        getattr(engine, verb)(Problem(NORMAL, PORTFOLIO, measure), Goal(tolerance=0.5))
    assert not asked


@pytest.mark.parametrize("negligible", [1e-3, 5e-3])
def test_a_biased_search_ends_named_and_planned(negligible):
    problem = Problem(NORMAL, PORTFOLIO, VaR(level=0.9))
    encoding = MultiplexedRotation(negligible=negligible)
    engine = Quantum(grid=LawGrid(qubits=6), encoding=encoding, backend=Ideal())
    goal = Goal(relative_tolerance=1e-4)
    spent = [engine.solve(problem, goal, rng=seed).cost.queries for seed in range(9)]
    plan = engine.plan(problem, goal)
    assert 0.2 <= plan.expected_queries / np.median(spent) <= 5.0
    lines = engine.solve(problem, goal, rng=0).budget.lines
    (line,) = (one for one in lines if one.source == "encoding")
    assert "each tail probability to within" in line.note


def test_an_encoding_without_an_excess_is_refused_before_the_search(monkeypatch):
    asked = []
    monkeypatch.setattr(Ideal, "oracle", lambda *_, **__: asked.append(1))
    engine = Quantum(grid=LawGrid(qubits=5), encoding=Comparator(), backend=Ideal())
    with pytest.raises(Unsupported):
        engine.solve(Problem(NORMAL, PORTFOLIO, ES(level=0.9)), Goal(relative_tolerance=0.2), rng=1)
    assert not asked


def test_noise_is_never_covered():
    backend = Aer(noise=DepolarizingNoise(two_qubit_error=1e-2))
    result = Quantum(grid=LawGrid(qubits=2), backend=backend).solve(
        CALL, Goal(tolerance=1.0), rng=1
    )
    assert result.covers == "discretised"
    (line,) = (one for one in result.budget.lines if one.source == "noise")
    assert line.kind == "unknown"
    assert "errors of the device are not covered" in str(result.explain())


@pytest.mark.parametrize(("noisy", "covers"), [(True, "discretised"), (False, "continuous")])
def test_a_sampler_is_noisy_unless_its_user_says_otherwise(noisy, covers):
    backend = Sampler(sampler=lambda seed: StatevectorSampler(seed=seed), noisy=noisy)
    engine = Quantum(grid=LawGrid(qubits=2), backend=backend)
    result = engine.solve(CALL, Goal(tolerance=5.0), rng=1)
    assert result.covers == covers
    assert any(line.source == "noise" for line in result.budget.lines) is noisy


def test_a_bias_beyond_the_tolerance_is_named_and_not_chased():
    engine = Quantum(grid=LawGrid(qubits=6), encoding=LinearRotation(), backend=Ideal())
    result = engine.solve(CALL, Goal(tolerance=0.2), rng=0)
    assert result.status == "unresolved"
    assert result.cost.queries < 60_000
    (line,) = (one for one in result.budget.lines if one.source == "encoding")
    assert "beyond the tolerance" in line.note


@pytest.mark.parametrize("engine", [Quantum(backend=Ideal()), MonteCarlo()], ids=["Q", "MC"])
def test_time_steps_of_a_model_are_named_and_not_covered(engine):
    model = Heston(spot=100.0, rate=0.0, v0=0.04, kappa=2.0, theta=0.04, vol_of_vol=0.5, rho=-0.7)
    problem = Problem(model, Call(strike=100.0, expiry=0.5), Price())
    result = engine.solve(problem, Goal(tolerance=0.5), rng=1)
    assert result.covers == "discretised"
    (line,) = (one for one in result.budget.lines if one.source == "time steps")
    assert "quadratic-exponential, 16 steps a year" in line.note


def test_a_path_contract_is_priced_by_default_parts():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    times = tuple((np.arange(12) + 1) / 12.0)
    geometric = Problem(market, Asian(strike=100.0, times=times, average="geometric"), Price())
    result = Quantum(backend=Ideal()).solve(geometric, Goal(tolerance=0.05), rng=1)
    assert result.covers == "continuous"
    assert result.status == "converged"
    assert result.interval.contains(exact(geometric))
    assert result.cost.residual_paths > 0
    assert "FactorGrid" in result.provenance.engine
    assert "Certified" in result.provenance.engine
    plan = Quantum(backend=Ideal()).plan(geometric, Goal(tolerance=0.05))
    assert 0.5 <= plan.expected_queries / result.cost.queries <= 2.0
    assert plan.grid in result.provenance.engine
