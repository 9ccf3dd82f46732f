"""Derivatives of terminal payoffs under Black and Scholes with constant terms.

A payoff of affine pieces is a sum of digitals above its kinks: cash D N(d2) and asset S e^{-qT}
N(d1), with w = vol sqrt(T), d1 = log(F / k) / w + w / 2, d2 = d1 - w. Their derivatives follow by
the chain rule; those of a call are Black and Scholes's (1973, doi:10.1086/260062) as in Haug (2007,
The Complete Guide to Option Pricing Formulas, chapter 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import special

from classical_baseline.closed_forms.barrier import Diffusion
from qmc.capabilities import TerminalPayoff
from qmc.contracts import Call, Digital, Put
from qmc.measures import Sensitivity

_SQRT_2PI = math.sqrt(2.0 * math.pi)


@dataclass(frozen=True, slots=True)
class Digitals:
    """A derivative of the two digitals above one kink: 1 if price > kink, and the price itself."""

    cash: float
    asset: float


def derivative(market: Diffusion, contract: TerminalPayoff, measure: Sensitivity) -> float:
    """The sensitivity of a terminal payoff's present value.

    The strike's is Euler's: a price is homogeneous of degree m in spot and strike together, 1 or,
    for a payoff of fixed cash, 0, so strike dV/dK = m V - spot dV/dS.

    Args:
        market: spot and coefficients, volatility above 0.
        contract: affine pieces; `Call`, `Put` or `Digital` for to="strike".
        measure: `time` is calendar time.

    >>> from qmc import Call
    >>> market = Diffusion(spot=100.0, vol=0.2, rate=0.05)
    >>> call = Call(strike=105.0, expiry=1.0)
    >>> round(derivative(market, call, Sensitivity(to="spot")), 6)
    0.542228
    """
    if measure.to != "strike":
        return _of_pieces(market, contract, measure.to, measure.order)
    assert isinstance(contract, Call | Put | Digital)
    delta = _of_pieces(market, contract, "spot", 1)
    fixed = isinstance(contract, Digital) and contract.pays == "cash"
    value = 0.0 if fixed else _of_pieces(market, contract, "spot", 0)
    return (value - market.spot * delta) / contract.strike


def _of_pieces(market: Diffusion, contract: TerminalPayoff, to: str, order: int) -> float:
    terms = []
    for piece in contract.pieces():
        low, high = (
            _digitals(market, kink, contract.expiry, to, order) for kink in (piece.low, piece.high)
        )
        terms += [piece.intercept * (low.cash - high.cash), piece.slope * (low.asset - high.asset)]
    return math.fsum(terms)


def _digitals(market: Diffusion, kink: float, expiry: float, to: str, order: int) -> Digitals:
    if kink == math.inf:
        return Digitals(0.0, 0.0)
    spot, rate, dividend_yield = market.spot, market.rate, market.dividend_yield
    root = math.sqrt(expiry)
    deviation = market.vol * root
    cash = math.exp(-rate * expiry)
    asset = spot * math.exp(-dividend_yield * expiry)
    d1 = math.inf
    if kink > 0.0:
        d1 = (math.log(spot / kink) + market.carry * expiry) / deviation + 0.5 * deviation
    d2 = d1 - deviation
    value = Digitals(cash * _cdf(d2), asset * _cdf(d1))
    # by log F: the densities over w
    edge = Digitals(cash * _pdf(d2) / deviation, asset * _pdf(d1) / deviation)
    if order == 0:
        return value
    if to == "spot":
        return _by_spot(value, edge, (d1, d2, deviation), spot, order)
    # by w: the densities by -d1 / w and -d2 / w; 0 where there is no kink
    turn = Digitals(0.0, 0.0) if kink <= 0.0 else Digitals(-edge.cash * d1, -edge.asset * d2)
    if to == "vol":
        return Digitals(turn.cash * root, turn.asset * root)
    if to == "rate":
        return Digitals(expiry * (edge.cash - value.cash), expiry * edge.asset)
    drift = 0.5 * market.vol / root
    return Digitals(
        rate * value.cash - market.carry * edge.cash - drift * turn.cash,
        dividend_yield * value.asset - market.carry * edge.asset - drift * turn.asset,
    )


def _by_spot(
    value: Digitals, edge: Digitals, where: tuple[float, float, float], spot: float, order: int
) -> Digitals:
    d1, d2, deviation = where
    if order == 1:
        return Digitals(edge.cash / spot, (value.asset + edge.asset) / spot)
    if math.isinf(d1):
        return Digitals(0.0, 0.0)
    scale = deviation * spot**2
    return Digitals(-edge.cash * d1 / scale, -edge.asset * d2 / scale)


def _cdf(x: float) -> float:
    return float(special.ndtr(x))


def _pdf(x: float) -> float:
    return math.exp(-0.5 * x * x) / _SQRT_2PI
