"""Confidence intervals of a binomial proportion; no scipy.stats, so importing stays cheap."""

from __future__ import annotations

import math

from scipy.special import betainccinv, betaincinv, ndtri

from qmc import checks


def clopper_pearson(hits: int, shots: int, error: float) -> tuple[float, float]:
    """Exact interval for p from `hits` of `shots`: each side misses with error / 2.

    Clopper and Pearson (1934, doi:10.1093/biomet/26.4.404): the ends are beta quantiles. Misses p
    with at most `error` for every p and every number of shots. The error, not the confidence, is
    given: shares far below the spacing of doubles next to 1 are spent.

    >>> low, high = clopper_pearson(0, 10, 0.05)
    >>> low, round(high, 4)
    (0.0, 0.3085)
    """
    hits, shots, error = _checked(hits, shots, error)
    low = 0.0 if hits == 0 else float(betaincinv(hits, shots - hits + 1, 0.5 * error))
    high = 1.0 if hits == shots else float(betainccinv(hits + 1, shots - hits, 0.5 * error))
    return low, high


def chernoff(hits: int, shots: int, error: float) -> tuple[float, float]:
    """Chernoff-Hoeffding interval: hits / shots +- sqrt(ln(2 / error) / (2 shots)).

    Hoeffding (1963, doi:10.1080/01621459.1963.10500830, theorem 1). Simple, and wider than
    Clopper-Pearson, above all near 0 and 1.

    >>> low, high = chernoff(50, 100, 0.05)
    >>> round(low, 4), round(high, 4)
    (0.3642, 0.6358)
    """
    hits, shots, error = _checked(hits, shots, error)
    radius = math.sqrt(math.log(2.0 / error) / (2.0 * shots))
    share = hits / shots
    return max(0.0, share - radius), min(1.0, share + radius)


INTERVALS = {"clopper_pearson": clopper_pearson, "chernoff": chernoff}


def deviate(kind: str, error: float) -> float:
    """Half-width of the interval in units of 1 / (2 sqrt(shots)) at p = 1/2, for planning."""
    if kind == "chernoff":
        return math.sqrt(2.0 * math.log(2.0 / error))
    return -float(ndtri(0.5 * error))


def _checked(hits: int, shots: int, error: float) -> tuple[int, int, float]:
    shots = checks.whole("shots", shots, 1)
    hits = checks.whole("hits", hits, 0, shots)
    return hits, shots, checks.fraction("error", error)


def confidence_cost(confidence: float, slope: float) -> float:
    """Queries at a confidence as a share of those at 0.95: 1 + slope ln(0.05 / (1 - confidence)).

    `slope` is fitted to an estimator's own runs at confidences from 0.9 to 0.999.
    """
    return max(0.5, 1.0 + slope * math.log(0.05 / (1.0 - confidence)))
