"""`revalue`: a book's losses over many scenarios, fast."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from classical_baseline.book_kernels import BookKernel, DeltaGammaKernel, Layout
from classical_baseline.normals import Floats, NormalStream, Precision
from qmc import checks, memory
from qmc.capabilities import GaussianLogPrices
from qmc.contracts import Book, DeltaGamma
from qmc.errors import InvalidProblem, Unsupported
from qmc.measures import Price
from qmc.problem import Contract, Model, Problem
from qmc.rng import RNGLike

_PRECISIONS = (np.float64, np.float32)


class Kernel(Protocol):
    """Losses of a block of scenarios."""

    @property
    def factors(self) -> int:
        """Normals that a scenario needs."""
        ...

    def losses(self, block: Floats) -> Floats:
        """A row of ones above normals, (factors + 1, n), to losses (n,)."""
        ...


def revalue(
    contract: Contract,
    model: Model,
    scenarios: int,
    *,
    dtype: Precision = np.float64,
    block: int = 1024,
    rng: RNGLike = None,
) -> Floats:
    """Losses of a contract, minus its present value, in independent scenarios of a model.

    `Book` and `DeltaGamma` on prices under a model of jointly normal log prices (`BlackScholes`,
    `MultiAsset`) run fast, on one core, in blocks that stay in its cache, and in either precision.
    An asset's stocks and options together are one function of its price: that function is
    tabulated once, in up to 16,384 parabolas, with an error, measured, of at most 1e-8 of what
    the positions on it hold in stock value (sum of |quantity| * spot). Where no such table
    exists, as for an option that expires at the horizon, Black and Scholes's formula itself is
    used; for an asset held in stock alone the exponential. float32 rounds: losses are off by about
    1e-7 of that stock value. Every other model and contract takes its own `paths` and
    `present_value`, in float64.

    The first n losses are the same for any number of scenarios; another block or precision gives
    other scenarios.

    Args:
        contract: what is held.
        model: how prices move.
        scenarios: how many, 1 or more.
        dtype: `numpy.float64` or `numpy.float32`, of all that is computed and of the losses.
        block: scenarios at once, 64 to 1,048,576.
        rng: seed or generator.

    Returns:
        (scenarios,) losses, discounted; a profit is negative.

    Raises:
        InvalidProblem: when model and contract do not fit, as with other spots, for numbers out of
            range, and for a loss that is no finite number.
        Unsupported: for float32 where there is no fast way.
        TooLarge: when the losses do not fit the machine.

    >>> from qmc import BlackScholes, Book, StockPosition
    >>> from qmc.losses import tail_risk
    >>> book = Book(positions=(StockPosition(quantity=10.0),), spots=(100.0,), horizon=10 / 252)
    >>> losses = revalue(book, BlackScholes(spot=100.0, vol=0.25, rate=0.0), 100_000, rng=7)
    >>> value_at_risk, shortfall = tail_risk(losses, 0.99)
    >>> abs(value_at_risk - 110.6) < 2.0, abs(shortfall - 125.4) < 2.5
    (np.True_, np.True_)
    """
    checks.whole("scenarios", scenarios, 1)
    checks.whole("block", block, 64, 1 << 20)
    if dtype not in _PRECISIONS:
        raise checks.refuse("dtype", dtype, "numpy.float64 or numpy.float32")
    kernel = _kernel(Problem(model, contract, Price()), Layout(dtype, block))
    width = np.dtype(dtype).itemsize
    needed = float(width * (scenarios + 4 * block * (kernel.factors + 1)))
    memory.require(needed, f"{scenarios:,} losses in blocks of {block:,}", "lower scenarios=")
    losses = np.empty(scenarios, dtype=dtype)
    _fill(losses, kernel, NormalStream(rng), block)
    return losses


def _fill(losses: Floats, kernel: Kernel, stream: NormalStream, size: int) -> None:
    block = np.ones((kernel.factors + 1, size), dtype=losses.dtype)
    for start in range(0, losses.size, size):
        stream.fill(block[1:])
        part = losses[start : start + size]
        with np.errstate(over="ignore", invalid="ignore"):
            part[:] = kernel.losses(block)[: part.size]
    bad = int(np.count_nonzero(~np.isfinite(losses)))
    if bad:
        msg = f"{bad} of {losses.size} losses are no finite number: check the model for overflow"
        raise InvalidProblem(msg)


def _kernel(problem: Problem, layout: Layout) -> Kernel:
    model, contract = problem.model, problem.contract
    if isinstance(model, GaussianLogPrices) and getattr(contract, "on", "") == "prices":
        discount = float(problem.model.discount(contract.times)[-1])
        if isinstance(contract, Book):
            return BookKernel(contract, model, discount, layout)
        if isinstance(contract, DeltaGamma):
            return DeltaGammaKernel(contract, model, discount, layout)
    if layout.dtype is not np.float64:
        msg = (
            f"revalue of {type(contract).__name__} under {type(model).__name__} is in float64 "
            "only: float32 takes a Book or DeltaGamma on prices under BlackScholes or MultiAsset"
        )
        raise Unsupported(msg)
    return _AnyKernel(problem)


class _AnyKernel:
    """Any model and contract, by their own methods."""

    def __init__(self, problem: Problem) -> None:
        self.factors = problem.num_factors
        self._problem = problem

    def losses(self, block: Floats) -> Floats:
        """A block (factors + 1, n) to losses (n,)."""
        normals = np.ascontiguousarray(block[1:].T, dtype=np.float64)
        return 0.0 - self._problem.values(normals)
