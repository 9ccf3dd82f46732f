"""Bootstrap of a series of losses: resamples in blocks (by the package arch), and intervals."""

from __future__ import annotations

import math
from types import ModuleType

import numpy as np
from numpy.typing import NDArray

from qmc.errors import Unsupported
from qmc.losses import rank_of, tail_risk
from qmc.problem import Array
from qmc.result import Interval

# resamples times losses that are held at once
_CHUNK = 4_000_000


def mean_block_length(losses: Array) -> float:
    """Mean days of a block for the stationary bootstrap, from the squared losses (n,).

    The automatic choice of Politis and White (2004, doi:10.1081/ETC-120028836), corrected by
    Patton, Politis and White (2009, doi:10.1080/07474930802459016). Volatility is what clusters, so
    the squares are asked; between 1 and n / 4.

    Raises:
        Unsupported: when arch is not installed.
    """
    squares = np.square(losses - losses.mean())
    if np.ptp(squares) == 0.0:
        return 1.0
    found = float(_arch().optimal_block_length(squares)["stationary"].iloc[0])
    return float(np.clip(found, 1.0, max(losses.size / 4.0, 1.0)))


def block_indices(
    size: int, length: float, resamples: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Indices (resamples, size) of stationary-bootstrap resamples (Politis and Romano 1994).

    Blocks have geometric lengths of the given mean and go on at the beginning where the series
    ends; a length of 1 draws days independently.

    Raises:
        Unsupported: when arch is not installed.
    """
    if length == 1.0:
        return np.asarray(rng.integers(0, size, (resamples, size)))
    drawn = _arch().StationaryBootstrap(length, np.arange(size), seed=rng)
    return np.array([data[0] for data, _ in drawn.bootstrap(resamples)], dtype=np.intp)


def tail_interval(
    losses: Array, level: float, confidence: float, indices: NDArray[np.intp], overlap: int = 1
) -> Interval:
    """Of VaR, between two of the losses.

    The number of losses beyond the true VaR has mean n (1 - level); its law around that is that of
    the number beyond the sample's VaR in resamples, and the losses with so many beyond them are the
    ends (Woodruff 1952, doi:10.1080/01621459.1952.10483443). The upper end is infinite where no
    loss may lie beyond. Losses over windows that overlap vary as no more than n / overlap
    independent ones would (their mean is that of `overlap` means without overlap), and the number
    is never taken to vary less than theirs.

    Args:
        losses: (n,).
        level: of the VaR.
        confidence: of the interval.
        indices: (resamples, n) into the losses.
        overlap: successive losses that share days; 1 for none.
    """
    size, ordered = losses.size, np.sort(losses)
    value = ordered[rank_of(size, level) - 1]
    beyond = losses > value
    counts = beyond[indices].sum(axis=1) - int(beyond.sum()) + size * (1.0 - level)
    few, many = np.quantile(counts, _shares(confidence))
    if overlap > 1:
        least, largest = _beyond_apart(size, overlap, level, confidence)
        few, many = min(few, least), max(many, largest)
    fewest, most = math.floor(few + 1e-9), math.ceil(many - 1e-9)
    low = float(ordered[max(size - most - 1, 0)])
    high = float(ordered[size - fewest]) if fewest > 0 else math.inf
    return Interval(min(low, float(value)), max(high, float(value)), confidence)


def _beyond_apart(size: int, overlap: int, level: float, confidence: float) -> tuple[float, float]:
    """Of losses beyond the true VaR, were there size / overlap independent ones, times overlap."""
    from scipy import stats

    apart = max(size // overlap, 1)
    ends = np.asarray(stats.binom.ppf(_shares(confidence), apart, 1.0 - level)) * (size / apart)
    return float(ends[0]), float(ends[1])


def shortfall_interval(
    losses: Array, level: float, confidence: float, indices: NDArray[np.intp], overlap: int = 1
) -> Interval:
    """Of ES, by the studentised bootstrap (Efron 1981, doi:10.2307/3314608).

    The standard error is that of the mean excess over VaR, as for independent losses; dependence
    is in the resamples of the ratio. Losses that overlap are taken to tell no more than size /
    overlap independent ones: resamples are of so many too, and the wider ends count. Where of so
    few none may lie beyond the VaR, nothing bounds ES from above, and from below the VaR does.

    Args:
        losses: (n,).
        level: of the ES.
        confidence: of the interval.
        indices: (resamples, n) into the losses.
        overlap: successive losses that share days; 1 for none.
    """
    (value,), (error,) = _shortfall(losses[None, :], level)
    if error == 0.0:
        # all losses beyond VaR are one number, and ES is as uncertain as VaR
        at = tail_interval(losses, level, confidence, indices, overlap)
        return Interval(min(at.low, float(value)), max(at.high, float(value)), confidence)
    low, high = _studentised(losses, float(value), level, confidence, indices)
    if overlap > 1 and _beyond_apart(losses.size, overlap, level, confidence)[0] == 0.0:
        # so few independent losses bound it by VaR alone
        least = tail_interval(losses, level, confidence, indices, overlap).low
        return Interval(min(float(value - high * error), least), math.inf, confidence)
    if overlap > 1:
        apart = _studentised(losses, float(value), level, confidence, indices[:, ::overlap])
        wider = math.sqrt(overlap)
        low, high = min(low, wider * apart[0]), max(high, wider * apart[1])
    return Interval(float(value - high * error), float(value - low * error), confidence)


def _studentised(
    losses: Array, value: float, level: float, confidence: float, indices: NDArray[np.intp]
) -> tuple[float, float]:
    """Quantiles of (ES of a resample - ES) / its standard error; 0 lies within them."""
    rows = max(_CHUNK // indices.shape[1], 1)
    parts = [
        _shortfall(losses[indices[start : start + rows]], level)
        for start in range(0, len(indices), rows)
    ]
    values, errors = (np.concatenate(one) for one in zip(*parts, strict=True))
    with np.errstate(divide="ignore", invalid="ignore"):
        # a resample without excess tells nothing of the scale, so it bounds nothing
        ratios = np.where(values == value, 0.0, (values - value) / errors)
    low, high = np.quantile(ratios, _shares(confidence), method="nearest")
    return min(float(low), 0.0), max(float(high), 0.0)


def fitted_interval(value: float, seen: Array, confidence: float) -> Interval:
    """Percentiles of resampled values (resamples,), the value itself within them."""
    low, high = np.quantile(seen, _shares(confidence))
    return Interval(min(float(low), value), max(float(high), value), confidence)


def widened(value: float, one: Interval, other: Interval) -> Interval:
    """Two independent errors of a value: their half-widths to each side add in squares."""
    low = value - math.hypot(value - one.low, value - other.low)
    return Interval(low, value + math.hypot(one.high - value, other.high - value), one.confidence)


def _shares(confidence: float) -> tuple[float, float]:
    return 0.5 * (1.0 - confidence), 0.5 * (1.0 + confidence)


def _shortfall(losses: Array, level: float) -> tuple[Array, Array]:
    """ES of samples (m, n) and its standard error as of independent losses, each (m,)."""
    value, shortfall = tail_risk(losses, level)
    excess = np.maximum(losses - value[:, None], 0.0)
    spread = excess.std(axis=1) / (math.sqrt(losses.shape[1]) * (1.0 - level))
    return shortfall, np.asarray(spread)


def _arch() -> ModuleType:
    try:
        from arch import bootstrap
    except ImportError as error:
        msg = "data_error needs the package arch: install the extra, pip install 'qmc[data]'"
        raise Unsupported(msg) from error
    return bootstrap
