"""Published results that miss the price of the contract they name, and these contracts.

The tutorials of qiskit-finance 0.4 pay at expiry, undiscounted: their prices grow at 5 % and
nothing is discounted. The rainbow and the autocallable are notebooks of the repository
classiq-library on the products of arXiv:2402.05574 and arXiv:2012.03819, with two qubits a normal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmarks import published_truths
from benchmarks.truths import Truth, true_price
from qmc import (
    Autocallable,
    Basket,
    BlackScholes,
    Call,
    CallSpread,
    FactorGrid,
    LawGrid,
    MultiAsset,
    Price,
    Problem,
    Put,
    Rainbow,
)
from qmc.grids import Grid
from qmc.problem import Array, Contract

_EXPIRY = 40.0 / 365.0
_SHARE = 5e-4
_DAYS = 250.0
# the autocallable's terms
_MEAN, _VOL, _RATE = 0.00050963 * _DAYS, 0.0150694 * math.sqrt(_DAYS), 0.04
_NOTIONAL, _CALL, _KNOCK_IN = 18.0, 1.1, 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class AsianBarrierSpread:
    """Pays clip(sum of prices - low, 0, high - low) unless one is above the barrier; two prices.

    The tutorial's product, whose circuit never applies the barrier: an engine needs no more of a
    contract than this.
    """

    low_strike: float = 3.0
    high_strike: float = 4.0
    barrier: float = 2.5
    times: tuple[float, ...] = (_EXPIRY,)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Discounted payoff (n,) of paths (n, 1, 2)."""
        prices = paths[:, -1]
        alive = prices.max(axis=1) <= self.barrier
        paid = np.clip(prices.sum(axis=1), self.low_strike, self.high_strike) - self.low_strike
        return np.asarray(discount[-1] * np.where(alive, paid, 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A case with what was printed: the "exact" number, the estimate and its interval."""

    problem: Problem
    grid: Grid
    exact: float
    estimate: float
    low: float
    high: float

    def truth(self) -> Truth:
        """The price of the contract."""
        contract = self.problem.contract
        if isinstance(contract, AsianBarrierSpread):
            ends = contract.low_strike, contract.high_strike, contract.barrier
            terms = {"spot": 2.0, "growth": 0.05 * _EXPIRY, "sigma": 0.4 * math.sqrt(_EXPIRY)}
            return Truth(published_truths.barrier_spread(*ends, **terms), 0.0, "quadrature")
        if isinstance(contract, Autocallable):
            share = published_truths.autocallable(
                published_truths.AutocallableTerms(
                    coupons=(2.0 / _NOTIONAL, 3.0 / _NOTIONAL, 0.0),
                    discounts=tuple(math.exp(-_RATE * year) for year in (1.0, 2.0, 3.0)),
                    calls=(_CALL, _CALL, math.inf),
                    knock_in=_KNOCK_IN,
                    mean=_MEAN,
                    vol=_VOL,
                )
            )
            return Truth(_NOTIONAL * share, 0.0, "quadrature")
        return true_price(self.problem, _SHARE * self.estimate)


def published() -> dict[str, Published]:
    """The cases by name."""
    one = BlackScholes(spot=2.0, vol=0.4, rate=0.0, dividend_yield=-0.05)
    two = MultiAsset(
        spots=(2.0, 2.0),
        vols=(0.4, 0.4),
        rate=0.0,
        correlation=((1.0, 0.0), (0.0, 1.0)),
        dividend_yields=(-0.05, -0.05),
    )
    call, put = Call(strike=1.896, expiry=_EXPIRY), Put(strike=2.126, expiry=_EXPIRY)
    spread = CallSpread(low_strike=1.438, high_strike=2.584, expiry=_EXPIRY)
    basket = Basket(weights=(1.0, 1.0), strike=3.5, expiry=_EXPIRY)
    return {
        "call": _tutorial(one, call, 0.1623, 0.1687, 0.1637, 0.1737),
        "put": _tutorial(one, put, 0.1709, 0.1770, 0.1720, 0.1820),
        "bull spread": _tutorial(one, spread, 0.5695, 0.5686, 0.5610, 0.5763),
        "basket": _tutorial(two, basket, 0.4870, 0.4945, 0.4821, 0.5069),
        "Asian barrier spread": _tutorial(
            two, AsianBarrierSpread(), 0.8023, 0.8320, 0.8264, 0.8376
        ),
        "rainbow": _rainbow(),
        "autocallable": _autocallable(),
    }


def _tutorial(
    model: BlackScholes | MultiAsset,
    contract: Contract,
    exact: float,
    estimate: float,
    low: float,
    high: float,
) -> Published:
    grid: Grid = LawGrid(qubits=3) if isinstance(model, BlackScholes) else FactorGrid(qubits=4)
    return Published(
        problem=Problem(model, contract, Price()),
        grid=grid,
        exact=exact,
        estimate=estimate,
        low=low,
        high=high,
    )


def _rainbow() -> Published:
    """Best of two over 250 days above 190, undiscounted; log returns by mean and covariance."""
    covariance = _DAYS * np.array([[0.000335, 0.000257], [0.000257, 0.000418]])
    means = _DAYS * np.array([0.00050963, 0.00062552])
    vols = np.sqrt(np.diag(covariance))
    rho = float(covariance[0, 1] / vols.prod())
    market = MultiAsset(
        spots=(193.97, 189.12),
        vols=tuple(vols.tolist()),
        rate=0.0,
        correlation=((1.0, rho), (rho, 1.0)),
        dividend_yields=tuple((-means - 0.5 * vols**2).tolist()),
    )
    return Published(
        problem=Problem(market, Rainbow(strike=190.0, expiry=1.0, on="max"), Price()),
        grid=FactorGrid(qubits=4),
        exact=23.0238,
        estimate=26.7560,
        low=7.6385,
        high=45.8735,
    )


def _autocallable() -> Published:
    """Pays 2 after one year or 3 after two above 110 %, else a put knocked in below 70 %."""
    note = Autocallable(
        times=(1.0, 2.0, 3.0),
        initial_prices=(_NOTIONAL,),
        coupons=(2.0 / _NOTIONAL, 3.0 / _NOTIONAL, 0.0),
        autocall_barriers=(_CALL, _CALL, 1e9),
        knock_in=_KNOCK_IN,
        knock_in_monitoring="discrete",
        notional=_NOTIONAL,
        redeems=False,
    )
    dividend_yield = _RATE - _MEAN - 0.5 * _VOL**2
    market = BlackScholes(spot=_NOTIONAL, vol=_VOL, rate=_RATE, dividend_yield=dividend_yield)
    return Published(
        problem=Problem(market, note, Price()),
        grid=FactorGrid(qubits=6),
        exact=-3.5032,
        estimate=-3.5079,
        low=-3.5353,
        high=-3.4805,
    )
