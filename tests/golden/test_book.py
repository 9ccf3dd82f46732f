"""Reference VaR and ES of books over ten days (book.json), by roots and quadrature in one normal.

The engines only sample; here the law of the loss is worked out from `Book.present_value` itself:
its level sets by bracketed roots, its tail mean by Gauss and Legendre between them. Each row is met
within its own tolerance, and by a million scenarios within their error.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, special

from classical_baseline import revalue
from qmc import BlackScholes, Book, OptionPosition, Price, Problem, StockPosition
from qmc.losses import tail_risk

ROWS = json.loads(Path(__file__).with_name("book.json").read_text())
FARTHEST = 12.0
SCENARIOS = 1_000_000


def describe(row):
    return f"{row['case']} {row['measure']} {row['level']}"


def problem_of(row):
    params = row["params"]
    horizon, spot = params["horizon"], params["spot"]
    if row["case"] == "lognormal_position_10d":
        vol = params["log_sd"] / np.sqrt(horizon)
        # undiscounted: what drifts is a negative dividend yield
        growth = (params["log_mean"] + 0.5 * params["log_sd"] ** 2) / horizon
        market = BlackScholes(spot=spot, vol=vol, rate=0.0, dividend_yield=-growth)
        positions = (StockPosition(quantity=1.0),)
        return Problem(market, Book(positions=positions, spots=(spot,), horizon=horizon), Price())
    held = {name: params[name] for name in ("strike", "expiry", "vol")}
    long_call = (OptionPosition(kind="call", quantity=1.0, **held),)
    straddle = tuple(OptionPosition(kind=kind, quantity=-1.0, **held) for kind in ("call", "put"))
    book = Book(
        positions=long_call if row["case"].startswith("long") else straddle,
        spots=(spot,),
        horizon=horizon,
        rate=params["rate"],
    )
    # the price moves without drift, while the options are valued at the rate
    return Problem(BlackScholes(spot=spot, vol=params["vol"], rate=0.0), book, Price())


class LossLaw:
    """The law of a loss that is a function of one normal, falling and then perhaps rising."""

    def __init__(self, problem):
        self.loss = lambda z: -problem.values(np.atleast_1d(z)[:, None])
        grid = np.linspace(-FARTHEST, FARTHEST, 2_001)
        self.lowest = float(grid[np.argmin(self.loss(grid))])

    def ends(self, x):
        """Where the loss is x, left and right of its lowest point; infinite where it never is."""
        at = lambda z: float(self.loss(z)[0]) - x  # noqa: E731
        found = []
        for end in (-FARTHEST, FARTHEST):
            reaches = end != self.lowest and at(end) > 0.0
            if reaches:
                found.append(optimize.brentq(at, *sorted((end, self.lowest)), xtol=1e-14))
            else:
                found.append(np.copysign(np.inf, end))
        return found

    def exceedance(self, x):
        left, right = self.ends(x)
        return special.ndtr(left) + special.ndtr(-right)

    def value_at_risk(self, level):
        low, high = float(self.loss(self.lowest)[0]), float(self.loss(-8.0)[0])
        high = max(high, float(self.loss(8.0)[0]))
        return optimize.brentq(
            lambda x: self.exceedance(x) - (1.0 - level), low + 1e-9, high, xtol=1e-12
        )

    def shortfall(self, level):
        nodes, weights = np.polynomial.legendre.leggauss(200)
        total = 0.0
        for end, inner in zip(
            (-FARTHEST, FARTHEST), self.ends(self.value_at_risk(level)), strict=True
        ):
            if np.isfinite(inner):
                z = 0.5 * (end + inner) + 0.5 * (inner - end) * nodes
                density = np.exp(-0.5 * z**2) / np.sqrt(2.0 * np.pi)
                total += abs(0.5 * (inner - end)) * (weights * density) @ self.loss(z)
        return total / (1.0 - level)


@pytest.mark.parametrize("row", ROWS, ids=describe)
def test_full_revaluation_by_roots_and_quadrature(row):
    law = LossLaw(problem_of(row))
    found = {"VaR": law.value_at_risk, "ES": law.shortfall}[row["measure"]](row["level"])
    assert found == pytest.approx(row["value"], abs=row["tolerance"], rel=0.0)


@pytest.mark.parametrize("row", ROWS, ids=describe)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_million_scenarios(row, dtype):
    problem, level = problem_of(row), row["level"]
    losses = revalue(problem.contract, problem.model, SCENARIOS, dtype=dtype, rng=11)
    value, shortfall = tail_risk(losses, level)
    found = {"VaR": value, "ES": shortfall}[row["measure"]]
    # five standard errors, of an order statistic by those beside it, of a tail mean by its own
    reach = 5.0 * np.sqrt(level * (1.0 - level) * SCENARIOS)
    ordered, place = np.sort(losses.astype(np.float64)), level * SCENARIOS
    if row["measure"] == "VaR":
        low, high = ordered[int(place - reach)], ordered[min(int(place + reach), SCENARIOS - 1)]
        assert low <= row["value"] <= high
        assert high - low < 0.1 * row["value"]
    else:
        tail = np.maximum(ordered - value, 0.0) / (1.0 - level)
        assert abs(found - row["value"]) < 5.0 * tail.std() / np.sqrt(SCENARIOS)
