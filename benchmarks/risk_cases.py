"""Books of 50 assets and the ways to value them that the suite `risk_speed` puts side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from qmc import Book, MultiAsset, OptionPosition, StockPosition
from qmc.contracts.book import Position
from qmc.problem import Array, Contract

ASSETS = 50
HORIZON = 10 / 252
_RATE = 0.02
# money in each stock, and under each option
_MONEY = 1e4


def market() -> MultiAsset:
    """50 stocks of volatility 15 to 50 %, with three common factors and no correlation of 1."""
    rng = np.random.default_rng(3)
    factors = rng.normal(size=(ASSETS, 3))
    covariance = factors @ factors.T + 3.0 * np.eye(ASSETS)
    scale = np.sqrt(np.diag(covariance))
    return MultiAsset(
        spots=tuple(rng.uniform(20.0, 200.0, ASSETS).tolist()),
        vols=tuple(rng.uniform(0.15, 0.5, ASSETS).tolist()),
        rate=_RATE,
        correlation=tuple(map(tuple, (covariance / np.outer(scale, scale)).tolist())),
    )


def stocks(model: MultiAsset) -> tuple[Position, ...]:
    """10,000 in each stock."""
    return tuple(
        StockPosition(asset=place, quantity=_MONEY / spot) for place, spot in enumerate(model.spots)
    )


def options(model: MultiAsset) -> tuple[Position, ...]:
    """A written option on each stock, calls and puts in turn, of five weeks to a year."""
    rng = np.random.default_rng(4)
    return tuple(
        OptionPosition(
            asset=place,
            kind="call" if place % 2 else "put",
            strike=spot * float(rng.uniform(0.9, 1.1)),
            expiry=float(rng.uniform(0.1, 1.0)),
            vol=vol,
            quantity=-_MONEY / spot,
        )
        for place, (spot, vol) in enumerate(zip(model.spots, model.vols, strict=True))
    )


def book(model: MultiAsset, positions: tuple[Position, ...]) -> Book:
    """A book over ten days."""
    return Book(positions=positions, spots=model.spots, horizon=HORIZON, rate=_RATE)


def plain_losses(
    contract: Contract, model: MultiAsset, scenarios: int, rng: np.random.Generator
) -> Array:
    """What one writes first: all normals at once, the model's paths, the contract's own values."""
    normals = rng.standard_normal((scenarios, ASSETS))
    paths = model.paths(contract.times, normals)
    return 0.0 - contract.present_value(paths, model.discount(contract.times))


def textbook_losses(
    shortcut: Any,  # noqa: ANN401
    model: MultiAsset,
    scenarios: int,
    rng: np.random.Generator,
) -> Array:
    """Delta-gamma by `multivariate_normal`, its moves and two matrix products, in whole arrays."""
    means, loadings = model.log_prices((HORIZON,))
    logs = rng.multivariate_normal(means[0], loadings[0] @ loadings[0].T, size=scenarios)
    moves = np.exp(logs) - np.asarray(model.spots)
    profit = moves @ np.asarray(shortcut.deltas) + 0.5 * moves**2 @ np.asarray(shortcut.gammas)
    profit += shortcut.theta * HORIZON
    return np.asarray(-profit * model.discount((HORIZON,))[0])
