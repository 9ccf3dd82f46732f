"""Laws against numerical integration, and the refusal of bad parameters."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from qmc.errors import InvalidProblem
from qmc.laws import (
    EmpiricalLaw,
    Law,
    LogNormalLaw,
    NormalLaw,
    StudentTLaw,
    cell_masses,
    cell_partial_means,
)

CONTINUOUS = [
    (NormalLaw(location=0.3, scale=2.0), stats.norm(0.3, 2.0)),
    (StudentTLaw(location=-1.0, scale=0.5, degrees_of_freedom=4.0), stats.t(4.0, -1.0, 0.5)),
    (
        LogNormalLaw(mean=3.0, log_sd=0.4),
        stats.lognorm(0.4, scale=3.0 * math.exp(-0.5 * 0.4**2)),
    ),
]
POINTS = np.array([-3.0, -1.0, 0.5, 1.0, 2.5, 4.0, 9.0])


@pytest.mark.parametrize(("law", "frozen"), CONTINUOUS)
def test_cdf_sf_and_ppf_match_scipy(law, frozen):
    np.testing.assert_allclose(law.cdf(POINTS), frozen.cdf(POINTS), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(law.sf(POINTS), frozen.sf(POINTS), rtol=1e-11)
    p = np.array([1e-6, 0.01, 0.5, 0.99])
    np.testing.assert_allclose(law.ppf(p), frozen.ppf(p), rtol=1e-9)
    np.testing.assert_allclose(law.cdf(law.ppf(p)), p, rtol=1e-9)


@pytest.mark.parametrize(("law", "frozen"), CONTINUOUS)
@pytest.mark.parametrize("x", [-1.0, 0.5, 2.5, 6.0])
def test_partial_means_match_numerical_integration(law, frozen, x):
    below = integrate.quad(lambda y: y * frozen.pdf(y), -np.inf, x, limit=200)[0]
    above = integrate.quad(lambda y: y * frozen.pdf(y), x, np.inf, limit=200)[0]
    assert law.partial_mean(x) == pytest.approx(below, abs=2e-8)
    assert law.upper_partial_mean(x) == pytest.approx(above, abs=2e-8)
    assert law.mean == pytest.approx(below + above, abs=4e-8)


@pytest.mark.parametrize("law", [pair[0] for pair in CONTINUOUS])
def test_negated_law_mirrors(law):
    mirror = law.negated()
    np.testing.assert_allclose(mirror.cdf(-POINTS), law.sf(POINTS), rtol=1e-12, atol=0)
    np.testing.assert_allclose(mirror.sf(-POINTS), law.cdf(POINTS), rtol=1e-12, atol=0)
    np.testing.assert_allclose(
        mirror.upper_partial_mean(-POINTS), -law.partial_mean(POINTS), rtol=1e-12, atol=1e-300
    )
    np.testing.assert_allclose(
        mirror.partial_mean(-POINTS), -law.upper_partial_mean(POINTS), rtol=1e-12, atol=1e-300
    )
    assert mirror.ppf(0.25) == pytest.approx(-law.ppf(0.75), rel=1e-9)
    assert mirror.mean == -law.mean
    assert mirror.negated() == law


def test_empirical_law_agrees_with_sums_over_samples():
    rng = np.random.default_rng(5)
    samples = np.round(rng.normal(size=40), 1)
    weights = rng.uniform(size=40)
    law = EmpiricalLaw(samples=tuple(samples), weights=tuple(weights))
    w = weights / weights.sum()
    for x in (-5.0, -0.3, 0.0, samples[3], 5.0):
        assert law.cdf(x) == pytest.approx(w[samples <= x].sum(), abs=1e-14)
        assert law.sf(x) == pytest.approx(w[samples > x].sum(), abs=1e-14)
        assert law.partial_mean(x) == pytest.approx((w * samples)[samples <= x].sum(), abs=1e-14)
        assert law.upper_partial_mean(x) == pytest.approx(
            (w * samples)[samples > x].sum(), abs=1e-14
        )


def test_empirical_quantile_is_the_smallest_sample_that_reaches_the_level():
    law = EmpiricalLaw(samples=tuple(range(1, 501)))
    assert law.cdf(495.0) == 0.99  # exactly: the tie that a VaR search must survive
    assert law.ppf(0.99) == 495.0
    assert law.ppf(0.9900001) == 496.0
    assert law.negated().ppf(0.01) == -496.0


@pytest.mark.parametrize(
    "law", [*(pair[0] for pair in CONTINUOUS), EmpiricalLaw(samples=(1.0, 2.0, 4.0))]
)
def test_cells_sum_to_the_whole(law):
    edges = np.concatenate([[-np.inf], np.linspace(-3.0, 6.0, 33), [np.inf]])
    assert isinstance(law, Law)
    assert cell_masses(law, edges).sum() == pytest.approx(1.0, abs=1e-14)
    assert cell_partial_means(law, edges).sum() == pytest.approx(law.mean, abs=1e-13)


def test_cell_masses_keep_digits_in_both_tails():
    law = NormalLaw(location=0.0, scale=1.0)
    edges = np.array([-9.0, -8.0, 8.0, 9.0])
    masses = cell_masses(law, edges)
    assert masses[0] == pytest.approx(masses[2], rel=1e-14)
    assert masses[2] == pytest.approx(stats.norm.sf(8.0) - stats.norm.sf(9.0), rel=1e-13)


BAD = [
    (NormalLaw, {"location": math.nan, "scale": 1.0}, "location"),
    (NormalLaw, {"location": 0.0, "scale": 0.0}, "scale"),
    (StudentTLaw, {"location": 0.0, "scale": 1.0, "degrees_of_freedom": 1.0}, "degrees_of_freedom"),
    (LogNormalLaw, {"mean": -1.0, "log_sd": 1.0}, "mean"),
    (LogNormalLaw, {"mean": 1.0, "log_sd": math.inf}, "log_sd"),
    (EmpiricalLaw, {"samples": ()}, "samples"),
    (EmpiricalLaw, {"samples": (1.0, math.nan)}, "samples"),
    (EmpiricalLaw, {"samples": (1.0, 2.0), "weights": (1.0,)}, "weights"),
    (EmpiricalLaw, {"samples": (1.0, 2.0), "weights": (1.0, -1.0)}, "weights"),
]


@pytest.mark.parametrize(("kind", "fields", "named"), BAD)
def test_bad_parameters_are_refused_by_name(kind, fields, named):
    with pytest.raises(InvalidProblem, match=named):
        kind(**fields)


@pytest.mark.parametrize("nu", [1e3, 1e6, 1e12, 1e15, 1e20])
def test_many_degrees_of_freedom_are_the_normal_law(nu):
    student = StudentTLaw(location=0.0, scale=1.0, degrees_of_freedom=nu)
    normal = NormalLaw(location=0.0, scale=1.0)
    ours, limit = (law.upper_partial_mean(1.96) for law in (student, normal))
    assert ours == pytest.approx(limit, rel=10.0 / nu + 1e-12)


@pytest.mark.parametrize("size", [10, 20, 500])
@pytest.mark.parametrize("weight", [1.0, 0.1, 3.0])
def test_equal_weights_change_nothing(size, weight):
    samples = tuple(map(float, range(size)))
    plain, weighted = (
        EmpiricalLaw(samples=samples),
        EmpiricalLaw(samples=samples, weights=(weight,) * size),
    )
    levels = np.arange(1, size) / size
    assert np.array_equal(plain.ppf(levels), weighted.ppf(levels))
    doubled = EmpiricalLaw(samples=samples + samples, weights=(1.0, *(2.0,) * (2 * size - 1)))
    assert doubled.cdf(size) == 1.0
