"""`Sum`: several contracts on the same paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qmc import checks
from qmc.capabilities import Side
from qmc.errors import InvalidProblem
from qmc.present_values import present_values
from qmc.problem import Array, Contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Is worth sum_i quantities_i * contract_i: a portfolio of contracts on one model's paths.

    Its times are those of all parts together, and each part sees the paths at its own. Parts that
    are monitored continuously must look to the same side: a model draws minima or maxima.

    Attributes:
        contracts: the parts, at least one.
        quantities: (parts,) units held, negative is short; None is 1 each.

    Raises:
        InvalidProblem: for parts that are no contracts, another number of quantities, and parts of
            which one needs minima and another maxima.

    >>> from qmc.contracts.vanilla import Call, Put
    >>> import numpy as np
    >>> parts = Call(strike=100.0, expiry=1.0), Put(strike=100.0, expiry=0.5)
    >>> straddle = Sum(contracts=parts, quantities=(2.0, 1.0))
    >>> straddle.times, straddle.present_value(np.array([[[90.0], [103.0]]]), np.ones(2)).tolist()
    ((0.5, 1.0), [16.0])
    """

    contracts: tuple[Contract, ...]
    quantities: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Refuse parts that are no contracts or do not fit."""
        if not isinstance(self.contracts, tuple | list) or not self.contracts:
            raise checks.refuse("contracts", self.contracts, "a tuple of at least one contract")
        for place, contract in enumerate(self.contracts):
            checks.interface(f"contracts[{place}]", contract, Contract)
        object.__setattr__(self, "contracts", tuple(self.contracts))
        count = len(self.contracts)
        given = (1.0,) * count if self.quantities is None else self.quantities
        quantities = checks.vector("quantities", given)
        if len(quantities) != count:
            allowed = f"{count} numbers, one a contract"
            raise checks.refuse("quantities", f"{len(quantities)} numbers", allowed)
        object.__setattr__(self, "quantities", quantities)
        if len(self._sides()) > 1:
            msg = (
                "contracts need minima (extremes='low') and maxima ('high'): a model draws one of "
                'them a path; price the two groups apart, or take monitoring="discrete"'
            )
            raise InvalidProblem(msg)

    def _sides(self) -> set[Side]:
        sides = (getattr(contract, "extremes", None) for contract in self.contracts)
        return {side for side in sides if side is not None}

    @property
    def times(self) -> tuple[float, ...]:
        """All parts' times, each once."""
        return tuple(sorted({time for contract in self.contracts for time in contract.times}))

    @property
    def extremes(self) -> Side | None:
        """The side that a part asks for, if any."""
        return next(iter(self._sides()), None)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Summed present values (n,) of paths (n, times, columns), extremes behind the prices."""
        total = np.zeros(len(paths))
        for contract, quantity in zip(self.contracts, self.quantities or (), strict=True):
            rows = np.searchsorted(self.times, contract.times).astype(np.intp)
            seen = self._seen(contract, paths, rows)
            total += quantity * present_values(contract, seen, discount[rows])
        return total

    def _seen(self, contract: Contract, paths: Array, rows: NDArray[np.intp]) -> Array:
        """The paths as a part sees them: its times, and extremes over its own, longer, steps."""
        side = self.extremes
        if side is None:
            return paths[:, rows]
        columns = paths.shape[2] // 2
        prices = paths[:, rows, :columns]
        if getattr(contract, "extremes", None) is None:
            return prices
        farthest = np.maximum if side == "high" else np.minimum
        begins = np.concatenate([[0], rows[:-1] + 1])
        steps = paths[:, : rows[-1] + 1, columns:]
        merged = farthest.reduceat(steps, begins, axis=1)
        return np.concatenate([prices, merged], axis=2)
