"""Which contract has which closed form, under which model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from classical_baseline.closed_forms import barrier, european, greeks, lookback
from classical_baseline.closed_forms.barrier import Diffusion
from qmc.capabilities import GaussianLogPrices, TerminalPayoff
from qmc.contracts import Asian, Barrier, Call, Digital, Exchange, Lookback, Put, Rainbow
from qmc.errors import Unsupported
from qmc.measures import Sensitivity
from qmc.models import BlackScholes, Curve
from qmc.problem import Array, Contract, Model

Priced: TypeAlias = tuple[float, str]

_LARGEST_EXPONENT = 14.0


def closed_price(model: Model, contract: Contract) -> Priced | None:
    """Present value and the name of its formula; None for a contract that has none here.

    Raises:
        Unsupported: for a contract with a closed form, but not with these terms or this model.
    """
    for kind, price in _FORMULAS:
        if isinstance(contract, kind):
            return price(model, contract)
    return None


def _refused(model: Model, contract: Contract, lacking: str) -> Unsupported:
    return Unsupported(
        f"Analytic has no closed form of {type(contract).__name__} under {type(model).__name__}: "
        f"{lacking}; classical_baseline.MonteCarlo treats it"
    )


def _log_prices(model: Model, contract: Contract, assets: int) -> tuple[Array, Array]:
    """Means (times, assets) and loadings (times, assets, factors) of normal log prices."""
    if not isinstance(model, GaussianLogPrices):
        lacking = f"{type(model).__name__} has no log_prices (GaussianLogPrices)"
        raise _refused(model, contract, lacking)
    means, loadings = model.log_prices(contract.times)
    if means.shape[1] != assets:
        lacking = f"the formula is for {assets} assets, the model has {means.shape[1]}"
        raise _refused(model, contract, lacking)
    return means, loadings


def _forwards(means: Array, loadings: Array) -> Array:
    """E[price] at the last time, (assets,)."""
    return np.asarray(np.exp(means[-1] + 0.5 * np.square(loadings[-1]).sum(axis=-1)))


def _discount(model: Model, contract: Contract) -> float:
    return float(model.discount(contract.times)[-1])


def _exchange(model: Model, contract: Exchange) -> Priced:
    means, loadings = _log_prices(model, contract, 2)
    received, given = _forwards(means, loadings) * np.asarray(contract.quantities)
    deviation = float(np.linalg.norm(loadings[-1, 0] - loadings[-1, 1]))
    value = european.exchange(float(received), float(given), deviation)
    return _discount(model, contract) * value, "Margrabe (1978)"


def _rainbow(model: Model, contract: Rainbow) -> Priced:
    means, loadings = _log_prices(model, contract, 2)
    forwards = _forwards(means, loadings) * np.asarray(contract.weights or (1.0, 1.0))
    first, second = (float(np.linalg.norm(row)) for row in loadings[-1])
    if min(first, second) == 0.0:
        raise _refused(model, contract, "the formula needs volatilities above 0")
    cosine = float(loadings[-1, 0] @ loadings[-1, 1]) / (first * second)
    value = european.rainbow(
        (float(forwards[0]), float(forwards[1])),
        (first, second),
        min(max(cosine, -1.0), 1.0),
        contract.strike,
        on=contract.on,
        kind=contract.kind,
    )
    return _discount(model, contract) * value, "Stulz (1982)"


def _asian(model: Model, contract: Asian) -> Priced:
    if contract.average != "geometric":
        raise _refused(model, contract, 'an average="arithmetic" is not log-normal')
    if contract.weights is not None:
        raise _refused(model, contract, "a basket (weights=) is not log-normal")
    means, loadings = _log_prices(model, contract, 1)
    average = loadings[:, 0].mean(axis=0)
    deviation = float(np.linalg.norm(average))
    mean = european.geometric_mean(float(means[:, 0].mean()), deviation)
    if contract.strike is not None:
        value = european.black(mean, contract.strike, deviation, contract.kind)
    else:
        last = float(_forwards(means, loadings)[0])
        apart = float(np.linalg.norm(loadings[-1, 0] - average))
        value = european.black(last, mean, apart, contract.kind)
    return _discount(model, contract) * value, "Kemna and Vorst (1990)"


def closed_sensitivity(model: Model, contract: Contract, measure: Sensitivity) -> Priced:
    """A derivative of a terminal payoff's present value, and its formula's name.

    Raises:
        Unsupported: for another contract, or a model other than `BlackScholes` with constant terms.
    """
    if not isinstance(contract, TerminalPayoff):
        lacking = "derivatives are known of payoffs of one terminal price (TerminalPayoff)"
        raise _refused(model, contract, lacking)
    if measure.to == "strike" and not isinstance(contract, Call | Put | Digital):
        raise _refused(model, contract, "the slope in the strike is known of Call, Put and Digital")
    market = _constant_terms(model, contract)
    return greeks.derivative(market, contract, measure), "Black and Scholes (1973)"


def _diffusion(model: Model, contract: Barrier | Lookback) -> Diffusion:
    """The coefficients, after checking that they are constant and monitoring continuous."""
    if contract.monitoring != "continuous":
        lacking = 'the formula is for monitoring="continuous"'
        raise _refused(model, contract, lacking)
    return _constant_terms(model, contract)


def _constant_terms(model: Model, contract: Contract) -> Diffusion:
    if not isinstance(model, BlackScholes):
        raise _refused(model, contract, "the formula is for BlackScholes")
    vol, rate, dividend_yield = model.vol, model.rate, model.dividend_yield
    if isinstance(vol, Curve) or isinstance(rate, Curve) or isinstance(dividend_yield, Curve):
        raise _refused(model, contract, "the formula needs constant vol, rate and dividend_yield")
    if vol == 0.0:
        raise _refused(model, contract, "the formula needs a volatility above 0")
    return Diffusion(spot=model.spot, vol=vol, rate=rate, dividend_yield=dividend_yield)


def _barrier(model: Model, contract: Barrier) -> Priced:
    market, expiry, upward = _diffusion(model, contract), contract.times[-1], contract.upward
    begins = barrier.knock_in(
        market, contract.strike, contract.barrier, expiry, upward=upward, kind=contract.kind
    )
    # the steps' ends are when a rebate at the hit is paid
    ends = contract.times if contract.rebate_at == "hit" else (expiry,)
    ends = tuple(end for end in ends if end > 0.0)
    hits = [barrier.hit_probability(market, contract.barrier, end, upward=upward) for end in ends]
    if contract.knocks_in:
        rebate = math.exp(-market.rate * expiry) * (1.0 - hits[-1])
        return begins + contract.rebate * rebate, "Reiner and Rubinstein (1991)"
    paid = np.exp(-market.rate * np.asarray(ends)) * np.diff(hits, prepend=0.0)
    ends_worthless = market.vanilla(contract.strike, expiry, contract.kind) - begins
    value = max(ends_worthless, 0.0) + contract.rebate * float(paid.sum())
    return value, "Reiner and Rubinstein (1991)"


def _lookback(model: Model, contract: Lookback) -> Priced:
    market, expiry, kind = _diffusion(model, contract), contract.times[-1], contract.kind
    begin, end = contract.window or (0.0, expiry)
    seen, strike = contract.extreme_so_far, contract.strike
    if begin == 0.0 and end == expiry and contract.multiple == 1.0:
        if strike is None:
            value = lookback.lookback_floating(market, expiry, kind=kind, extreme=seen)
            return value, "Goldman, Sosin and Gatto (1979)"
        value = lookback.lookback_fixed(market, strike, expiry, kind=kind, extreme=seen)
        return value, "Conze and Viswanathan (1991)"
    _require_moderate(market, model, contract)
    if strike is not None and begin > 0.0 and end == expiry:
        value = lookback.partial_lookback_fixed(market, strike, begin, expiry, kind=kind)
        return value, "Heynen and Kat (1994)"
    if strike is None and begin == 0.0 and end < expiry:
        value = lookback.partial_lookback_floating(
            market, end, expiry, kind=kind, multiple=contract.multiple, extreme=seen
        )
        return value, "Heynen and Kat (1994)"
    lacking = "no formula has this window and multiple"
    raise _refused(model, contract, lacking)


def _require_moderate(market: Diffusion, model: Model, contract: Lookback) -> None:
    """Refuse terms at which the partial formulas are a difference of huge numbers."""
    level = contract.strike or contract.extreme_so_far or market.spot
    power = 2.0 * market.carry / market.vol**2
    if abs(power * math.log(market.spot / level)) > _LARGEST_EXPONENT:
        lacking = "the formula loses its digits at so small a volatility"
        raise _refused(model, contract, lacking)


_FORMULAS: tuple[tuple[type, Callable[[Model, Any], Priced]], ...] = (
    (Exchange, _exchange),
    (Rainbow, _rainbow),
    (Asian, _asian),
    (Barrier, _barrier),
    (Lookback, _lookback),
)
