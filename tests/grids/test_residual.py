"""The residual: unbiased, covering at its confidence, fresh, repeatable, trusted only so far."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from qmc import (
    Asian,
    BlackScholes,
    Call,
    CallSpread,
    Digital,
    Exchange,
    ExpectedLoss,
    FactorGrid,
    LawGrid,
    MultiAsset,
    Price,
    Problem,
    Put,
    Residual,
    Spread,
    Sum,
)
from qmc.errors import InvalidProblem, TooLarge, Unsupported
from qmc.grids.residual import student
from qmc.grids.residual_paths import ResidualPaths, Sums, pooled, power_of_two
from qmc.measures import Probability

ONE = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
PAIR = MultiAsset(
    spots=(100.0, 96.0), vols=(0.2, 0.3), rate=0.05, correlation=((1.0, 0.5), (0.5, 1.0))
)
DATES = (0.5, 1.0)
CALL = Problem(ONE, Call(strike=100.0, expiry=1.0), Price())
FORWARD = Problem(
    ONE,
    Sum(
        contracts=tuple(Asian(strike=90.0, times=DATES, kind=kind) for kind in ("call", "put")),
        quantities=(1.0, -1.0),
    ),
    Price(),
)
FORWARD_PRICE = math.exp(-0.05) * (50.0 * (math.exp(0.025) + math.exp(0.05)) - 90.0)
EXCHANGE = Problem(PAIR, Exchange(expiry=1.0), Price())
# Margrabe (1978), checked in test_factor_grid_bias
EXCHANGE_PRICE = 12.435607
CALL_PRICE = 10.450583572185565
# "nodes" are not exact for a forward: its residual is smooth, and not 0
SMOOTH = FORWARD, FactorGrid(qubits=3, cells="nodes").discretise(FORWARD), FORWARD_PRICE
KINKED = EXCHANGE, FactorGrid(qubits=5).discretise(EXCHANGE), EXCHANGE_PRICE
CASES = {"smooth": SMOOTH, "kinked": KINKED}


def at_once(mean, half_width):
    return True


def never(mean, half_width):
    return False


def corrected(case, seed, *, enough=at_once, error=0.05, paths=1024, residual=None):
    problem, table, _ = case
    return (residual or Residual()).correct(
        problem,
        table,
        enough,
        error=error,
        first_paths=paths,
        rng=np.random.default_rng([11, seed]),
    )


@pytest.fixture
def trusting(monkeypatch):
    """One look is enough, whatever the moments of the paths."""
    monkeypatch.setattr("qmc.grids.residual_paths._PATHS_A_MOMENT", 0.0)


@pytest.mark.parametrize("name", CASES)
def test_means_are_unbiased_and_covered_at_the_confidence_of_one_look(name, covers, trusting):
    _, table, truth = CASES[name]
    found = [corrected(CASES[name], seed) for seed in range(400)]
    assert {one.looks for one in found} == {1}
    means = np.array([one.mean for one in found])
    error_bar = means.std(ddof=1) / math.sqrt(means.size)
    # beyond 4 standard errors once in 16,000
    assert abs(means.mean() - (truth - table.mean())) < 4.0 * error_bar + 1e-6
    covers(sum(abs(table.mean() + one.mean - truth) <= one.half_width for one in found), 400, 0.95)


@pytest.mark.parametrize("name", CASES)
def test_the_interval_covers_after_many_looks(name, covers):
    _, table, truth = CASES[name]
    wanted = 0.6 * np.mean([corrected(CASES[name], seed).half_width for seed in range(20)])
    found = [
        corrected(CASES[name], seed, enough=lambda _, width: width <= wanted, paths=256)
        for seed in range(200)
    ]
    assert min(one.looks for one in found) > 1
    covers(sum(abs(table.mean() + one.mean - truth) <= one.half_width for one in found), 200, 0.95)


def test_looks_spend_no_more_than_the_error(monkeypatch):
    """All shares together stay below the error, and a later look does not get a larger one."""
    spent = []

    def recorded(replicates, error):
        spent.append(error)
        return student(replicates, error)

    monkeypatch.setattr("qmc.grids.residual.student", recorded)
    residual = Residual(max_paths=2**13)
    found = corrected(KINKED, 1, enough=never, error=0.02, paths=64, residual=residual)
    assert found.looks == len(spent) == 8
    assert found.paths == 2**13
    assert sum(spent) < 0.02
    assert all(later < earlier for earlier, later in itertools.pairwise(spent))


def test_the_same_stream_gives_the_same_bits():
    assert corrected(KINKED, 5) == corrected(KINKED, 5)
    assert corrected(KINKED, 5).mean != corrected(KINKED, 6).mean


def test_blocks_change_nothing_but_rounding(monkeypatch, trusting):
    whole = corrected(KINKED, 5)
    monkeypatch.setattr("qmc.grids.residual_paths.BLOCK", 64)
    parts = corrected(KINKED, 5)
    assert parts.mean == pytest.approx(whole.mean, rel=1e-9)
    assert parts.half_width == pytest.approx(whole.half_width, rel=1e-9)
    assert parts.paths == whole.paths


def test_points_are_fresh_and_not_the_grids_pilot(monkeypatch):
    """On the pilot's own points a learned table would see no residual at all."""
    problem = EXCHANGE
    seen = []
    outcomes = Problem.outcomes

    def watched(self, normals):
        seen.append(normals.copy())
        return outcomes(self, normals)

    monkeypatch.setattr(Problem, "outcomes", watched)
    table = FactorGrid(qubits=4, cells="learned", pilot_paths=256).discretise(problem)
    pilot = np.concatenate(seen)
    seen.clear()
    Residual().correct(
        problem, table, at_once, error=0.05, first_paths=256, rng=np.random.default_rng(1)
    )
    fresh = np.concatenate(seen)
    assert len(fresh) >= 256
    rows = {row.tobytes() for row in pilot}
    assert not any(row.tobytes() in rows for row in fresh)


def test_paths_grow_until_rare_values_are_seen():
    """An option far from the money: few paths meet it, and no look ends before 50 of them did."""
    far = Problem(ONE, Call(strike=200.0, expiry=1.0), Price())
    table = FactorGrid(qubits=5).discretise(far)
    found = corrected((far, table, 0.0), 1, paths=64)
    assert found.reliable
    assert found.paths >= found.asked > 10_000
    cut = corrected((far, table, 0.0), 1, paths=64, residual=Residual(max_paths=4096))
    assert (cut.reliable, cut.paths) == (False, 4096)


def test_few_paths_of_a_skewed_residual_cover_once_they_are_relied_upon(covers):
    far = Problem(ONE, Call(strike=160.0, expiry=1.0), Price())
    table = FactorGrid(qubits=5).discretise(far)
    found = [corrected((far, table, 0.0), seed, paths=64) for seed in range(100)]
    assert all(one.reliable for one in found)
    # Black and Scholes (1973)
    truth = 0.1589542547
    covers(sum(abs(table.mean() + one.mean - truth) <= one.half_width for one in found), 100, 0.95)


def test_what_no_path_meets_has_no_interval():
    never_paid = Problem(ONE, Call(strike=1000.0, expiry=1.0), Price())
    table = FactorGrid(qubits=3).discretise(never_paid)
    found = corrected((never_paid, table, 0.0), 1, residual=Residual(max_paths=2**12))
    assert (found.mean, found.half_width, found.reliable) == (0.0, math.inf, False)
    assert found.paths == 2**12


def test_a_share_that_no_path_meets_has_the_rule_of_three():
    rare = Problem(ONE, Call(strike=100.0, expiry=1.0), Probability(threshold=1000.0))
    table = FactorGrid(qubits=3).discretise(rare)
    found = corrected((rare, table, 0.0), 1, paths=4096)
    assert found.half_width == pytest.approx(-math.log(0.7 * 0.05) / 4096)
    assert found.reliable


@pytest.mark.parametrize("measure", [Price(), ExpectedLoss()], ids=repr)
@pytest.mark.parametrize(
    ("contract", "most"),
    [
        (Put(strike=20.0, expiry=1.0), 20.0),
        (Digital(strike=1000.0, expiry=1.0, cash=3.0), 3.0),
        (CallSpread(low_strike=900.0, high_strike=1000.0, expiry=1.0), 100.0),
    ],
    ids=["put", "digital", "call spread"],
)
def test_a_bounded_payoff_that_no_path_meets_has_the_rule_of_three(contract, most, measure):
    problem = Problem(ONE, contract, measure)
    found = corrected((problem, FactorGrid(qubits=3).discretise(problem), 0.0), 1, paths=4096)
    expected = -math.log(0.7 * 0.05) / 4096 * most * math.exp(-0.05)
    assert found.half_width == pytest.approx(expected)
    assert found.reliable


def test_the_rule_of_three_reaches_from_what_was_seen_to_the_farthest_value():
    sure = Problem(ONE, Put(strike=400.0, expiry=1.0), Probability(threshold=0.0))
    table = replace(FactorGrid(qubits=1).discretise(sure), values=np.array([0.75, 0.75]))
    found = corrected((sure, table, 0.0), 1, paths=4096)
    # 1 - 0.75 was seen, 0 - 0.75 may be
    assert found.half_width == pytest.approx(-math.log(0.7 * 0.05) / 4096)
    assert found.mean == 0.25


@pytest.mark.parametrize("scale", [2.0**-300, 2.0**300])
def test_the_currency_does_not_matter(scale):
    def scaled(unit):
        market = replace(PAIR, spots=tuple(unit * spot for spot in PAIR.spots))
        problem = Problem(market, Spread(strike=4.0 * unit, expiry=1.0), Price())
        return corrected((problem, FactorGrid(qubits=3).discretise(problem), 0.0), 1)

    here, there = scaled(1.0), scaled(scale)
    assert there.mean / scale == pytest.approx(here.mean, rel=1e-9)
    assert there.half_width / scale == pytest.approx(here.half_width, rel=1e-9)
    assert there.asked == pytest.approx(here.asked, rel=1e-9)


def test_a_spread_below_rounding_asks_for_more_than_there_is():
    assert Sums(4, 4.0, 4.0, 4.0, 4.0, 1.0 - 1e-9, 1.0 + 1e-9, 1.0).asked == math.inf


def test_expected_paths_fall_with_the_width_and_stay_in_range():
    residual = Residual(max_paths=2**15)
    paths = [residual.expected_paths(0.01, width, 0.02) for width in (1.0, 1e-2, 1e-3, 1e-9, 0.0)]
    assert paths == sorted(paths)
    assert (paths[0], paths[-1]) == (32.0, 2.0**15)
    assert residual.expected_paths(0.0, 0.1, 0.02) == 4096.0


def test_the_pilot_tells_the_error_bar_and_is_fixed():
    residual = Residual()
    first, spent = residual.pilot(*KINKED[:2]), residual.pilot_paths
    assert first == residual.pilot(*KINKED[:2])
    assert spent == 2048
    widths = [corrected(KINKED, seed, paths=2048).half_width for seed in range(20)]
    assert first * student(16, 0.7 * 0.05) == pytest.approx(np.median(widths), rel=0.7)


def test_sums_are_those_of_all_values():
    values = np.random.default_rng(4).exponential(size=5000)
    parts = [
        Sums(
            part.size,
            part.sum(),
            (part**2).sum(),
            (part**3).sum(),
            (part**4).sum(),
            part.min(),
            part.max(),
            part.max(),
        )
        for part in np.split(values, 5)
    ]
    whole = pooled(parts)
    # 6 for the exponential law, above its squared skewness of 4
    kurtosis = ((values - values.mean()) ** 4).mean() / values.var() ** 2 - 3.0
    assert whole.mean == pytest.approx(values.mean())
    assert whole.asked == pytest.approx(50.0 * kurtosis, rel=1e-9)
    assert (whole.low, whole.high, whole.flat) == (values.min(), values.max(), False)


def test_powers_of_two_are_at_least_two():
    assert [power_of_two(points) for points in (0.0, 1.0, 3.9, 4.0, 1000.0)] == [2, 2, 2, 4, 512]


def test_student_is_the_two_sided_quantile():
    # tables of Student's t, 15 degrees of freedom
    assert student(16, 0.05) == pytest.approx(2.131, abs=5e-4)
    assert student(16, 0.01) == pytest.approx(2.947, abs=5e-4)


def test_a_skewed_law_asks_for_fifty_of_its_rare_values():
    """A share p of ones: squared skewness (1 - 2p)^2 / p(1 - p), 2 above the excess kurtosis."""
    asked = Sums(10_000, 100.0, 100.0, 100.0, 100.0, 0.0, 1.0, 1.0).asked
    assert asked == pytest.approx(50.0 * 0.98**2 / (0.01 * 0.99), rel=1e-9)
    flat = Sums(10, 20.0, 40.0, 80.0, 160.0, 2.0, 2.0, 2.0)
    assert (flat.flat, flat.asked) == (True, math.inf)


def test_a_table_that_locates_nothing_is_refused():
    table = LawGrid(qubits=2).discretise(CALL)
    with pytest.raises(Unsupported, match="this table locates no normals: a residual needs Fac"):
        ResidualPaths(CALL, table, np.random.default_rng(1))


def test_blocks_that_do_not_fit_are_refused(monkeypatch):
    stream = ResidualPaths(*KINKED[:2], np.random.default_rng(1))
    monkeypatch.setattr("qmc.memory.available_bytes", lambda: 100)
    with pytest.raises(TooLarge, match="8 paths with 4 normals each"):
        stream.after(8)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"replicates": 7}, "replicates=7: must be a whole number >= 8"),
        ({"replicates": 8.0}, "replicates=8.0: must be a whole number"),
        ({"max_paths": 31}, "max_paths=31: must be a whole number >= 32"),
    ],
)
def test_fields_out_of_range_are_refused(fields, told):
    with pytest.raises(InvalidProblem, match=told):
        Residual(**fields)


def test_puts_and_calls_leave_the_same_on_the_same_cells():
    """A put's residual is the call's less that of a forward, which has the mean 0."""
    put = Problem(ONE, Put(strike=100.0, expiry=1.0), Price())
    tables = [FactorGrid(qubits=4, cells="prices").discretise(one) for one in (CALL, put)]
    call, other = (
        corrected((problem, table, 0.0), 3, paths=2**14)
        for problem, table in zip((CALL, put), tables, strict=True)
    )
    assert abs(call.mean - other.mean) < call.half_width + other.half_width
    assert tables[0].mean() + call.mean == pytest.approx(CALL_PRICE, abs=2.0 * call.half_width)
