"""Laws made by other libraries: a discretised distribution's own points and probabilities."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike

from qmc import checks
from qmc.circuits.loaders import checked_law
from qmc.errors import InvalidProblem
from qmc.grids.cell_table import CellTable
from qmc.problem import Array

# marginals whose product is nearer than this to the joint law, in total variation, are it
_INDEPENDENT = 1e-12


@runtime_checkable
class DiscretisedLaw(Protocol):
    """What is read of a distribution: its points and their probabilities, in the same order."""

    @property
    def probabilities(self) -> ArrayLike:
        """Probability of each state of the register, (2**n,)."""
        ...

    @property
    def values(self) -> ArrayLike:
        """The point of each state: (2**n,), or (2**n, dimensions)."""
        ...


def from_qiskit_finance(
    distribution: DiscretisedLaw, payoff: Callable[[Array], Array] | None = None
) -> CellTable:
    """The cells of a `NormalDistribution`, `LogNormalDistribution` or whatever looks like one.

    Only `probabilities` and `values` are read: the distribution's circuit, which raises on smooth
    shapes, is neither built nor run, and qiskit-finance is not imported. Its constructor raises
    too, from 8 qubits on: give it `upto_diag=True`, which changes its circuit and not its law.

    State i of the table is state i of the distribution. qiskit-finance counts its last dimension
    fastest, so with independent dimensions `registers` lists the last dimension first, on the
    lowest qubits; dependent dimensions share one register over the joint law.

    A one-dimensional table without a payoff has `edges` half-open above each value, so that
    `Tail` and `Excess` take the values as thresholds.

    Args:
        distribution: of one or several dimensions.
        payoff: maps the points, (2**n,) or (2**n, dimensions), to the outcome, (2**n,); without
            one the outcome is the value itself, which several dimensions do not have.

    Returns:
        A table with bias "unknown": what lies outside the distribution's bounds is lost, and its
        density at equally spaced points is no cell's probability.

    Raises:
        InvalidProblem: for something without `probabilities` and `values`, misfitting shapes,
            points of several dimensions without a payoff, a payoff of another shape.

    >>> from types import SimpleNamespace
    >>> law = SimpleNamespace(probabilities=[0.1, 0.4, 0.4, 0.1], values=[1.0, 2.0, 3.0, 4.0])
    >>> table = from_qiskit_finance(law, payoff=lambda spot: np.maximum(spot - 2.0, 0.0))
    >>> round(table.mean(), 12), table.bias
    (0.6, 'unknown')
    """
    law, points = _law_and_points(distribution)
    values = _outcomes(points, payoff)
    ordered = points.ndim == 1 and payoff is None and bool(np.all(np.diff(points) > 0.0))
    marginals = _marginals(law, points)
    return CellTable(
        registers=tuple(one.size.bit_length() - 1 for one in marginals),
        marginals=marginals,
        values=values,
        bias="unknown",
        bias_bound=math.inf,
        edges=np.concatenate([[-np.inf], points[:-1], [np.inf]]) if ordered else None,
    )


def _law_and_points(distribution: object) -> tuple[Array, Array]:
    """Probabilities (2**n,) and points (2**n,) or (2**n, dimensions)."""
    hint = "such as qiskit-finance's NormalDistribution(3, mu=0.0, sigma=1.0)"
    with warnings.catch_warnings():
        # what the library says of itself is not the caller's concern
        warnings.simplefilter("ignore")
        lacking = [one for one in ("probabilities", "values") if not hasattr(distribution, one)]
        if lacking:
            allowed = f"an object with probabilities and values; it lacks {', '.join(lacking)}"
            raise checks.refuse("distribution", distribution, allowed, hint)
        law = checked_law(np.asarray(distribution.probabilities))  # type: ignore[attr-defined]
        given = np.asarray(distribution.values)  # type: ignore[attr-defined]
    points = checks.table("values", given, 2 if given.ndim == 2 else 1)
    if len(points) != law.size:
        msg = f"values: {len(points)} points for {law.size} probabilities: must be as many"
        raise InvalidProblem(msg)
    return law, points[:, 0] if points.shape[1:] == (1,) else points


def _outcomes(points: Array, payoff: Callable[[Array], Array] | None) -> Array:
    if payoff is None:
        if points.ndim == 1:
            return points.copy()
        allowed = f"a function of {points.shape[1]}-dimensional points"
        hint = "for a basket lambda spots: numpy.maximum(spots.sum(axis=1) - strike, 0.0)"
        raise checks.refuse("payoff", payoff, allowed, hint)
    if not callable(payoff):
        allowed = "a function of the points, or None for the values themselves"
        hint = "for a call lambda spot: numpy.maximum(spot - strike, 0.0)"
        raise checks.refuse("payoff", payoff, allowed, hint)
    values = checks.table("payoff(points)", payoff(points.copy()), 1)
    if values.shape != (len(points),):
        msg = f"payoff gave shape {values.shape} for {len(points)} points: must be one number each"
        raise InvalidProblem(msg)
    return values


def _marginals(law: Array, points: Array) -> tuple[Array, ...]:
    """One vector a dimension, last first, when they are independent; else the joint law alone."""
    axes = [np.unique(column) for column in points.T] if points.ndim == 2 else []
    shape = tuple(axis.size for axis in axes)
    if len(axes) < 2 or math.prod(shape) != law.size or min(shape) < 2:
        return (law,)
    mesh = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(points.shape)
    if not np.array_equal(mesh, points):
        return (law,)
    joint = law.reshape(shape)
    marginals = [
        joint.sum(axis=tuple(other for other in range(len(axes)) if other != axis))
        for axis in range(len(axes))
    ]
    product = np.ones(())
    for one in marginals:
        product = np.multiply.outer(product, one)
    if 0.5 * float(np.abs(product - joint).sum()) > _INDEPENDENT:
        return (law,)
    return tuple(one / one.sum() for one in reversed(marginals))
