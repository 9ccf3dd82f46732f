"""A bound on what cells of conditional mean prices leave out, for payoffs of one linear sum.

Given a cell, X = sum of weights times prices has mean m and variance s^2, and any law of these has
0 <= E[(X - K)+] - (m - K)+ <= (sqrt(s^2 + (m - K)^2) - |m - K|) / 2: below by Jensen, above by
Scarf (1958, "A min-max solution of an inventory problem") in the form of Gallego and Moon
(1993, doi:10.1057/jors.1993.141, lemma 1). Where X is never negative and 0 < K < (m^2 + s^2) / 2m
the most is m - K m^2 / (m^2 + s^2), and m - K for K <= 0 (Lo 1987,
doi:10.1016/0304-405X(87)90005-2): a forward has no gap. A put's gap is the call's, as
X - K itself is exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import memory
from qmc.capabilities import LinearExposure, LinearPayoff
from qmc.errors import TooLarge, Unsupported
from qmc.grids.factor_cells import FactorCells, Ground
from qmc.grids.mean_prices import MeanPrices
from qmc.measures import Price
from qmc.problem import Array, Problem

# prices in the sum: there is a second moment for each pair, in every cell of every register
_MOST_PRICES = 600
# arrays of one entry a pair and cell of a register that live at once
_ARRAYS = 6.0


@dataclass(frozen=True, eq=False, slots=True)
class BoundedValues:
    """Values in the middle of what a cell may be worth.

    Attributes:
        values: (2**qubits,) in money at time 0.
        bound: on |mean of the values - true price|.
    """

    values: Array
    bound: float


def linear_payoff(problem: Problem) -> LinearPayoff:
    """The payoff as that of one linear sum of prices.

    Raises:
        Unsupported: for another payoff or measure.
        TooLarge: for more prices than pairs of them can be treated.
    """
    contract = problem.contract
    payoff = contract.linear_payoff() if isinstance(contract, LinearExposure) else None
    if payoff is None or not isinstance(problem.measure, Price):
        msg = (
            f'bias="bounded" takes the Price of a payoff (X - strike)+ with X linear in prices: '
            f"{type(contract).__name__} with {problem.measure!r} is none; "
            'take bias="measured"'
        )
        raise Unsupported(msg)
    count = sum(len(row) for row in payoff.weights)
    if count > _MOST_PRICES:
        msg = (
            f"{count} prices: bias='bounded' takes a second moment for each pair of them, "
            f"{_MOST_PRICES} at most; take bias='measured', or fewer dates"
        )
        raise TooLarge(msg)
    return payoff


def bounded_values(ground: Ground, cells: FactorCells) -> BoundedValues:
    """Each cell's value amid its bounds, and half the mean distance between them."""
    payoff = linear_payoff(ground.problem)
    weights = np.asarray(payoff.weights).ravel()
    prices = ground.mean_prices(cells).flat(slice(None))
    means = (prices * weights).sum(axis=1)
    beyond = means - payoff.strike
    variances = conditional_variances(ground.mean_prices(cells), weights)
    gap = gaps(means, variances, payoff.strike, positive=bool(np.all(weights >= 0.0)))
    discount = float(ground.problem.model.discount(ground.problem.contract.times)[-1])
    values = discount * (np.maximum(payoff.sign * beyond, 0.0) + 0.5 * gap)
    masses = np.ones(1)
    for one in cells.marginals:
        masses = np.multiply.outer(one, masses).ravel()
    return BoundedValues(values, 0.5 * discount * float(masses @ gap))


def gaps(means: Array, variances: Array, strike: float, *, positive: bool) -> Array:
    """The most that E[(X - strike)+] can exceed (E[X] - strike)+ by, elementwise.

    Args:
        means: of X.
        variances: of X.
        strike: any number.
        positive: whether X is never negative.
    """
    beyond = means - strike
    scarf = 0.5 * (np.hypot(np.sqrt(variances), beyond) - np.abs(beyond))
    if not positive:
        return np.asarray(scarf)
    if strike <= 0.0:
        return np.zeros_like(scarf)
    squares = means**2 + variances
    lo = np.where(beyond >= 0.0, strike * variances / squares, means - strike * means**2 / squares)
    return np.asarray(np.where(2.0 * means * strike < squares, lo, scarf))


def conditional_variances(prices: MeanPrices, weights: Array) -> Array:
    """var(sum_i w_i S_i | cell), (2**qubits,).

    cov(S_i, S_j | cell) = E[S_i | cell] E[S_j | cell] (exp(r_ij) prod_k R_k - 1), R_k the tilted
    mean of c_i + c_j over the product of those of c_i and c_j, and r_ij the covariance of the log
    prices that the directions leave.
    """
    count, tilts = weights.size, prices.tilts
    entries = sum(one.masses.size for one in prices.cells) + 2.0
    memory.require(
        _ARRAYS * 8.0 * entries * count**2,
        f"second moments of {count} prices in the cells of {len(prices.cells)} registers",
        'take fewer dates, fewer qubits, or bias="measured"',
    )
    left = np.exp(prices.logs.covariance - tilts @ tilts.T)
    ratios = []
    for k, one in enumerate(prices.cells):
        pairs = (tilts[:, None, k] + tilts[None, :, k]).ravel()
        alone = prices.factors[k]
        both = one.tilted(pairs).reshape(-1, count, count)
        ratios.append(both / (alone[:, :, None] * alone[:, None, :]))
    weighted = prices.flat(slice(None)) * weights
    found = np.empty(len(weighted))
    for cell, (row, part) in enumerate(zip(weighted, prices.parts, strict=True)):
        joint = left
        for k, ratio in enumerate(ratios):
            joint = joint * ratio[part[k]]
        found[cell] = row @ (joint - 1.0) @ row
    return np.maximum(found, 0.0)
