"""A case of every contract, and models of every kind, for the suite `payoffs`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from qmc import (
    CEV,
    Asian,
    Autocallable,
    Barrier,
    Basket,
    BlackScholes,
    Bond,
    BondRates,
    Call,
    CallSpread,
    Cliquet,
    Curve,
    Digital,
    Exchange,
    FactorGrid,
    Heston,
    LawGrid,
    Lookback,
    Merton,
    MultiAsset,
    Price,
    Problem,
    Put,
    Rainbow,
    Spread,
    Sum,
)
from qmc.grids import Grid
from qmc.problem import Contract, Model

LAW, FACTOR = LawGrid(qubits=5), FactorGrid(qubits=6)
# relative tolerances: the wide one where paths are long or the payoff jumps
_NARROW, _WIDE = 0.01, 0.02

_MARKET = BlackScholes(spot=100.0, vol=0.2, rate=0.05, dividend_yield=0.01)
_CURVED = BlackScholes(
    spot=100.0,
    vol=Curve(times=(0.25, 0.5), values=(0.3, 0.2, 0.15)),
    rate=Curve(times=(0.5,), values=(0.02, 0.05)),
)
_HESTON = Heston(spot=100.0, rate=0.03, v0=0.04, kappa=2.0, theta=0.04, vol_of_vol=0.5, rho=-0.7)
_MERTON = Merton(spot=100.0, vol=0.15, rate=0.05, intensity=0.5, jump_mean=-0.2, jump_vol=0.1)
_CEV = CEV(spot=100.0, vol=0.2, elasticity=0.5, rate=0.05, steps_per_year=24)
_MODELS: dict[str, Model] = {
    "curves": _CURVED,
    "Heston": _HESTON,
    "Merton": _MERTON,
    "CEV": _CEV,
}
_RATES = BondRates(mean=(0.03, 0.04), loadings=((0.01, 0.0), (0.012, 0.006)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A problem, the grid that it is put on and the relative tolerance that it is solved to."""

    problem: Problem
    grid: Grid
    tolerance: float


def cases() -> dict[str, Case]:
    """All cases by name: contract, model unless it is Black and Scholes's, grid if it is a law."""
    found: dict[str, Case] = {}
    for name, contract in _terminal().items():
        found[f"{name}, law"] = _case(_MARKET, contract, LAW)
        found[name] = _case(_MARKET, contract)
    for label, kind in (("curves", Call), ("Merton", Put)):
        found[f"{kind.__name__.lower()}, {label}, law"] = _case(
            _MODELS[label], kind(strike=105.0, expiry=1.0), LAW
        )
    for what, contract in _across().items():
        for label, model in _MODELS.items():
            found[f"{what}, {label}"] = _case(model, contract, wide=what.startswith("barrier"))
    for assets, contracts in ((2, _pairs()), (5, _baskets())):
        for name, contract in contracts.items():
            found[f"{name}, {assets} assets"] = _case(several(assets), contract)
    for name, contract in {**_asians(), **_lookbacks(), **_notes()}.items():
        found[name] = _case(_MARKET, contract, wide="252" in name or "autocallable" in name)
    for name, contract in _barriers().items():
        found[name] = _case(_MARKET, contract, wide=True)
    for name, contract in _far().items():
        found[name] = _case(_MARKET, contract, wide=True)
    found["Asian basket 12, 3 assets"] = _case(several(3), _asian_basket())
    found["autocallable, 2 assets"] = _case(several(2), _autocallable(2), wide=True)
    found["bond, 2 factors"] = _case(_RATES, Bond(times=(1.0, 2.0), cash_flows=(1.0, 2.0)))
    return found


def small_cases() -> dict[str, Case]:
    """A few cheap ones."""
    names = ("call, law", "digital", "exchange, 2 assets", "bond, 2 factors")
    everything = cases()
    return {name: everything[name] for name in names}


def several(assets: int) -> MultiAsset:
    """Assets of spot 100 or near, volatilities from 15 to 35 %, correlations of .3."""
    correlation = np.full((assets, assets), 0.3) + 0.7 * np.eye(assets)
    return MultiAsset(
        spots=tuple(np.linspace(95.0, 105.0, assets).tolist()),
        vols=tuple(np.linspace(0.15, 0.35, assets).tolist()),
        rate=0.05,
        correlation=tuple(map(tuple, correlation.tolist())),
    )


def even(count: int, expiry: float = 1.0) -> tuple[float, ...]:
    """`count` equal periods' ends."""
    return tuple((expiry * np.arange(1, count + 1) / count).tolist())


def _case(model: Model, contract: Contract, grid: Grid = FACTOR, *, wide: bool = False) -> Case:
    tolerance = _WIDE if wide else _NARROW
    return Case(problem=Problem(model, contract, Price()), grid=grid, tolerance=tolerance)


def _terminal() -> dict[str, Contract]:
    return {
        "call": Call(strike=105.0, expiry=1.0),
        "put": Put(strike=105.0, expiry=1.0),
        "digital": Digital(strike=105.0, expiry=1.0),
        "call spread": CallSpread(low_strike=95.0, high_strike=110.0, expiry=1.0),
    }


def _across() -> dict[str, Contract]:
    """Contracts that are solved under each of the other models."""
    return {
        "call": Call(strike=105.0, expiry=1.0),
        "Asian 4": Asian(strike=100.0, times=even(4)),
        "barrier down-and-out 4": Barrier(
            strike=100.0, barrier=85.0, times=even(4), direction="down-and-out"
        ),
    }


def _pairs() -> dict[str, Contract]:
    return {
        "basket": Basket(weights=(0.5, 0.5), strike=100.0, expiry=1.0, kind="put"),
        "rainbow max": Rainbow(strike=105.0, expiry=1.0, on="max"),
        "rainbow min": Rainbow(strike=95.0, expiry=1.0, on="min"),
        "spread": Spread(strike=5.0, expiry=1.0),
        "exchange": Exchange(expiry=1.0),
    }


def _baskets() -> dict[str, Contract]:
    return {
        "basket": Basket(weights=(0.2,) * 5, strike=100.0, expiry=1.0),
        "rainbow max": Rainbow(strike=120.0, expiry=1.0, on="max"),
        "rainbow min": Rainbow(strike=80.0, expiry=1.0, on="min"),
    }


def _asians() -> dict[str, Contract]:
    found: dict[str, Contract] = {}
    for dates in (12, 252):
        for average in ("arithmetic", "geometric"):
            name = f"Asian {average} {dates}"
            found[name] = Asian(strike=100.0, times=even(dates), average=average)
            found[f"{name} floating"] = Asian(
                times=even(dates), average=average, strike_style="floating"
            )
    return found


def _asian_basket() -> Asian:
    return Asian(strike=100.0, times=even(12), weights=(0.4, 0.3, 0.3))


def _barriers() -> dict[str, Contract]:
    """Every direction, monitored at 12 dates and all the time; one at 252 dates, one on a hit."""
    found: dict[str, Contract] = {}
    for direction in ("up-and-out", "up-and-in", "down-and-out", "down-and-in"):
        barrier, kind = (125.0, "call") if direction.startswith("up") else (88.0, "put")
        for times, monitoring in ((even(12), "discrete"), ((1.0,), "continuous")):
            dates = "12" if monitoring == "discrete" else "continuous"
            found[f"barrier {direction} {dates}"] = Barrier(
                strike=100.0,
                barrier=barrier,
                times=times,
                direction=direction,
                kind=kind,
                rebate=3.0,
                monitoring=monitoring,
            )
    daily = Barrier(strike=100.0, barrier=90.0, times=even(252), direction="down-and-out")
    found["barrier down-and-out call 252"] = daily
    found["barrier down-and-out call 12, rebate on hit"] = replace(
        daily, times=even(12), rebate=5.0, rebate_at="hit"
    )
    return found


def _far() -> dict[str, Contract]:
    """Contracts that pay on few paths: .25 % and .2 % of them."""
    barrier = Barrier(
        strike=100.0,
        barrier=190.0,
        times=(1.0,),
        direction="up-and-in",
        monitoring="continuous",
    )
    return {"digital far": Digital(strike=180.0, expiry=1.0), "barrier far": barrier}


def _lookbacks() -> dict[str, Contract]:
    found: dict[str, Contract] = {}
    for times, monitoring in ((even(12), "discrete"), ((0.5, 1.0), "continuous")):
        dates = "12" if monitoring == "discrete" else "continuous"
        found[f"lookback fixed {dates}"] = Lookback(
            strike=105.0, times=times, monitoring=monitoring
        )
        found[f"lookback floating {dates}"] = Lookback(
            times=times, kind="put", strike_style="floating", monitoring=monitoring
        )
        found[f"lookback partial {dates}"] = Lookback(
            times=times, strike_style="floating", window=(0.0, 0.5), monitoring=monitoring
        )
    return found


def _notes() -> dict[str, Contract]:
    straddle = (Call(strike=100.0, expiry=1.0), Put(strike=100.0, expiry=1.0))
    asian, out = Asian(strike=100.0, times=even(4)), _across()["barrier down-and-out 4"]
    return {
        "cliquet": Cliquet(
            times=(0.0, *even(4)), local_floor=-0.03, local_cap=0.06, notional=100.0
        ),
        "autocallable": _autocallable(1),
        "sum, straddle": Sum(contracts=straddle),
        "sum, Asian less barrier": Sum(contracts=(asian, out), quantities=(2.0, -0.5)),
    }


def _autocallable(assets: int) -> Autocallable:
    return Autocallable(
        times=even(4, 2.0),
        initial_prices=several(assets).spots if assets > 1 else (100.0,),
        coupons=(0.04, 0.08, 0.12, 0.16),
        knock_in=0.75,
        knock_in_monitoring="discrete",
        notional=100.0,
        redeems=False,
    )
