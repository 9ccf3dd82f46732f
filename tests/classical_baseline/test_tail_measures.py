"""Means beyond a quantile and economic capital: closed forms, and samples that cover them."""

import math

import numpy as np
import pytest
from scipy import stats

from classical_baseline import Analytic, MonteCarlo
from classical_baseline.accumulators import TiedTop
from qmc import (
    ES,
    EconomicCapital,
    ExpectedLoss,
    Goal,
    HistoricalReturns,
    NormalReturns,
    Portfolio,
    Problem,
    StudentTReturns,
    TailConditionalExpectation,
    VaR,
)
from qmc.errors import InvalidProblem, Unsupported

ONE = Portfolio(weights=(1.0,), value=100.0)
NORMAL = NormalReturns(mean=(0.001,), covariance=((1e-4,),))
STUDENT = StudentTReturns(mean=(0.001,), covariance=((1e-4,),), degrees_of_freedom=4.0)
# losses 0, 1, 2, 3 with heavy ties
LUMPY = HistoricalReturns(returns=-np.repeat([0.0, 0.01, 0.02, 0.03], [60, 30, 6, 4])[:, None])
BOTH = (True, False)


def exact(model, measure):
    return Analytic().solve(Problem(model, ONE, measure), Goal(tolerance=1.0)).value


def test_normal_mean_beyond_var_is_the_inverse_mills_ratio():
    z = stats.norm.ppf(0.99)
    wanted = -0.1 + stats.norm.pdf(z) / 0.01
    for strict in BOTH:
        found = exact(NORMAL, TailConditionalExpectation(level=0.99, strict=strict))
        assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("model", [NORMAL, STUDENT])
def test_without_atoms_the_mean_beyond_var_is_es_and_capital_is_var_less_mean(model):
    es = exact(model, ES(level=0.975))
    for strict in BOTH:
        found = exact(model, TailConditionalExpectation(level=0.975, strict=strict))
        assert found == pytest.approx(es, rel=1e-9)
    capital = exact(model, EconomicCapital(level=0.975))
    parts = exact(model, VaR(level=0.975)) - exact(model, ExpectedLoss())
    assert capital == pytest.approx(parts, rel=1e-14)


@pytest.mark.parametrize(
    ("level", "strict", "wanted"),
    [
        (0.93, True, 3.0),
        (0.93, False, (6 * 2.0 + 4 * 3.0) / 10),
        (0.90, True, (6 * 2.0 + 4 * 3.0) / 10),
        (0.90, False, (30 * 1.0 + 6 * 2.0 + 4 * 3.0) / 40),
    ],
)
def test_at_an_atom_the_strict_mean_leaves_it_out(level, strict, wanted):
    measure = TailConditionalExpectation(level=level, strict=strict)
    assert exact(LUMPY, measure) == pytest.approx(wanted, rel=1e-12)
    wide, narrow = (
        exact(LUMPY, TailConditionalExpectation(level=level, strict=one)) for one in BOTH
    )
    assert narrow <= exact(LUMPY, ES(level=level)) + 1e-12
    assert exact(LUMPY, ES(level=level)) <= wide + 1e-12


def test_no_loss_above_the_var_is_refused_by_name():
    measure = TailConditionalExpectation(level=0.97)
    with pytest.raises(InvalidProblem, match=r"no loss lies strictly above the VaR, 3"):
        exact(LUMPY, measure)
    assert exact(LUMPY, TailConditionalExpectation(level=0.97, strict=False)) == pytest.approx(3.0)


@pytest.mark.parametrize("kind", [TailConditionalExpectation, EconomicCapital])
def test_levels_are_fractions(kind):
    with pytest.raises(InvalidProblem, match=r"write 0\.95"):
        kind(level=95)


def test_strict_is_a_truth_value():
    with pytest.raises(InvalidProblem, match="strict=1"):
        TailConditionalExpectation(level=0.9, strict=1)


@pytest.mark.parametrize("model", [NORMAL, STUDENT, LUMPY], ids=["normal", "student", "lumpy"])
@pytest.mark.parametrize(
    "measure",
    [
        TailConditionalExpectation(level=0.93, strict=False),
        TailConditionalExpectation(level=0.92),
        EconomicCapital(level=0.93),
    ],
    ids=["beyond or at", "beyond", "capital"],
)
def test_samples_cover(covers, model, measure):
    truth, problem = exact(model, measure), Problem(model, ONE, measure)
    engine = MonteCarlo(threads=1, block=4096)
    results = [engine.solve(problem, Goal(queries=4_000), rng=seed) for seed in range(200)]
    covers(sum(one.interval.contains(truth) for one in results), 200, 0.95)
    assert all(one.interval.low <= one.value <= one.interval.high for one in results)


@pytest.mark.parametrize(
    "measure", [TailConditionalExpectation(level=0.97), EconomicCapital(level=0.97)]
)
def test_a_tolerance_is_met(measure):
    problem = Problem(STUDENT, ONE, measure)
    result = MonteCarlo().solve(problem, Goal(tolerance=0.05), rng=3)
    assert result.status == "converged"
    assert result.interval.half_width <= 0.05
    assert result.interval.contains(exact(STUDENT, measure))
    assert result.budget.lines[0].kind == "asymptotic"


def test_losses_all_alike_beyond_the_var_leave_the_upper_end_open():
    """A sample of one value tells no spread; the mean beyond x is at least x for every law."""
    problem = Problem(LUMPY, ONE, TailConditionalExpectation(level=0.94))
    result = MonteCarlo().solve(problem, Goal(queries=20_000), rng=1)
    assert result.interval.low == pytest.approx(2.0)
    assert result.interval.high == math.inf
    assert result.status == "unresolved"


def test_antithetic_pairs_are_refused():
    problem = Problem(NORMAL, ONE, EconomicCapital(level=0.99))
    with pytest.raises(Unsupported, match="not EconomicCapital"):
        MonteCarlo(antithetic=True).solve(problem, Goal(queries=1_000))


@pytest.mark.parametrize("keep", [1, 7, 40, 500])
def test_the_tail_keeps_the_ties_of_its_smallest_loss(keep):
    rng = np.random.default_rng(4)
    blocks = [rng.integers(0, 6, size=50).astype(float) for _ in range(20)]
    start = TiedTop(keep)
    kept = start
    for block in blocks:
        kept = kept.merge(start.of(block))
    whole = np.sort(np.concatenate(blocks))
    tail = kept.tail()
    floor = whole[-keep]
    assert np.array_equal(tail, whole[whole >= floor])
