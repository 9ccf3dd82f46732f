"""Closed forms on log-normal prices at one time: Black, Margrabe, Stulz. Money at expiry."""

from __future__ import annotations

import math

from scipy import special

# below this share of the larger deviation two prices move as one
_SAME = 1e-9


def black(forward: float, strike: float, deviation: float, kind: str = "call") -> float:
    """E[(X - strike)+], or E[(strike - X)+] for a put, of a log-normal X; undiscounted.

    Black (1976, doi:10.1016/0304-405X(76)90024-6), eq. 16.

    Args:
        forward: E[X], > 0.
        strike: 0 or above.
        deviation: standard deviation of log X, 0 or above.
        kind: "call" or "put".

    >>> round(black(105.0, 100.0, 0.2), 6)
    10.905593
    """
    sign = 1.0 if kind == "call" else -1.0
    if strike == 0.0 or deviation == 0.0:
        return max(sign * (forward - strike), 0.0)
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    value = forward * special.ndtr(sign * d1) - strike * special.ndtr(sign * d2)
    return max(sign * float(value), 0.0)


def exchange(forward: float, given: float, deviation: float) -> float:
    """E[(X - Y)+] of two log-normal prices; undiscounted.

    Margrabe (1978, doi:10.1111/j.1540-6261.1978.tb03397.x), eq. 7: Black's formula with Y as money.

    Args:
        forward: E[X], > 0.
        given: E[Y], > 0.
        deviation: standard deviation of log(X / Y).

    >>> round(exchange(105.0, 100.0, 0.2), 6)
    10.905593
    """
    return black(forward, given, deviation)


def geometric_mean(log_mean: float, deviation: float) -> float:
    """E[G] of a geometric average, log-normal itself: exp(log_mean + deviation^2 / 2).

    Kemna and Vorst (1990, doi:10.1016/0378-4266(90)90039-5): with it `black` prices a fixed and
    `exchange` a floating strike, at discrete fixings as at continuous ones.

    >>> geometric_mean(0.0, 0.0)
    1.0
    """
    return math.exp(log_mean + 0.5 * deviation**2)


def bivariate_normal(x: float, y: float, correlation: float) -> float:
    """P(X <= x, Y <= y) of standard normals with a correlation, by Owen's T function.

    Owen (1956, doi:10.1214/aoms/1177728074), eq. 2.1; absolute error about 1e-15.

    >>> round(bivariate_normal(0.0, 0.0, 0.5), 12)
    0.333333333333
    """
    if math.isinf(x) or math.isinf(y):
        return float(special.ndtr(x) * special.ndtr(y))
    rest = 1.0 - correlation**2
    if rest <= 0.0:
        if correlation > 0.0:
            return float(special.ndtr(min(x, y)))
        return max(float(special.ndtr(x) - special.ndtr(-y)), 0.0)
    if x == 0.0 and y == 0.0:
        return 0.25 + math.asin(correlation) / (2.0 * math.pi)
    root = math.sqrt(rest)
    halves = 0.5 * (special.ndtr(x) + special.ndtr(y))
    split = 0.5 if x * y < 0.0 or (x * y == 0.0 and x + y < 0.0) else 0.0
    value = halves - _owen(x, y, correlation, root) - _owen(y, x, correlation, root) - split
    return min(max(float(value), 0.0), 1.0)


def _owen(x: float, y: float, correlation: float, root: float) -> float:
    """T(x, (y / x - correlation) / root)."""
    slope = math.copysign(math.inf, y) if x == 0.0 else (y / x - correlation) / root
    return float(special.owens_t(x, slope))


def rainbow(
    forwards: tuple[float, float],
    deviations: tuple[float, float],
    correlation: float,
    strike: float,
    *,
    on: str = "max",
    kind: str = "call",
) -> float:
    """E[(X - strike)+] of the larger or smaller X of two log-normal prices; undiscounted.

    Stulz (1982, doi:10.1016/0304-405X(82)90011-3), eq. 11 for the minimum; the maximum is both
    prices less the minimum, and a put follows by parity.

    Args:
        forwards: their means, > 0.
        deviations: standard deviations of their logs, > 0.
        correlation: of their logs.
        strike: 0 or above.
        on: "max" or "min".
        kind: "call" or "put".

    >>> round(rainbow((100.0, 100.0), (0.3, 0.3), 0.5, 100.0, on="min"), 6)
    5.345385
    """
    if kind == "put":
        call = rainbow(forwards, deviations, correlation, strike, on=on)
        mean = rainbow(forwards, deviations, correlation, 0.0, on=on)
        return max(call - mean + strike, 0.0)
    smaller = _call_on_minimum(forwards, deviations, correlation, strike)
    if on == "min":
        return smaller
    both = sum(black(f, strike, s) for f, s in zip(forwards, deviations, strict=True))
    return both - smaller


def _call_on_minimum(
    forwards: tuple[float, float],
    deviations: tuple[float, float],
    correlation: float,
    strike: float,
) -> float:
    (f1, f2), (s1, s2) = forwards, deviations
    spread = math.sqrt(max(s1**2 + s2**2 - 2.0 * correlation * s1 * s2, 0.0))
    if spread <= _SAME * max(s1, s2):
        return black(min(f1, f2), strike, s1 if f1 <= f2 else s2)
    if strike == 0.0:
        return f1 - exchange(f1, f2, spread)
    d = math.log(f1 / f2) / spread + 0.5 * spread
    y1, y2 = (math.log(f / strike) / s + 0.5 * s for f, s in ((f1, s1), (f2, s2)))
    rho1, rho2 = (s1 - correlation * s2) / spread, (s2 - correlation * s1) / spread
    value = (
        f1 * bivariate_normal(y1, -d, max(-1.0, -rho1))
        + f2 * bivariate_normal(y2, d - spread, max(-1.0, -rho2))
        - strike * bivariate_normal(y1 - s1, y2 - s2, correlation)
    )
    return max(value, 0.0)
