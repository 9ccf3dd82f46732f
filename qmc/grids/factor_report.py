"""`FactorReport`: why a factor grid's cells are as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qmc.grids.allocation import Allocation
from qmc.grids.directions import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorReport:
    """Where the qubits of a factor grid went, and why.

    Attributes:
        rule: how the first direction was found, see `qmc.grids.directions.Directions`.
        agreement: the least cosine between the pilot's replicates of that direction; 0 for
            principal components.
        chosen: the allocation that was taken, its kind of cell value and what it leaves.
        tried: all of them, the chosen one included.
    """

    rule: Rule
    agreement: float
    chosen: Allocation
    tried: tuple[Allocation, ...]

    @property
    def short(self) -> str:
        """The chosen kind first, and what each leaves of the payoff's variance."""
        others = [one for one in self.tried if one is not self.chosen]
        first, *rest = (
            f"{one.worth}: {100.0 * one.residual_share:.3g} %" for one in (self.chosen, *others)
        )
        return "; ".join((f"{first} of the variance left", *rest))

    def __str__(self) -> str:
        """A few lines."""
        found = {
            "payoff": "the payoff's mean slope",
            "curvature": "the payoff's mean curvature (it is even)",
            "principal components": "the paths' principal components (the payoff showed none)",
        }[self.rule]
        agreed = f", replicates agree to {self.agreement:.3f}" if self.agreement > 0.0 else ""
        lines = [f"first direction: {found}{agreed}"]
        for one in self.tried:
            mark = "taken" if one is self.chosen else "tried"
            lines.append(
                f"{mark}: cells worth '{one.worth}', qubits {_bits(one.bits)}, "
                f"{100.0 * one.residual_share:.3g} % of the variance left"
            )
        return "\n".join(lines)


def _bits(bits: Sequence[int]) -> str:
    """Qubits a direction, without the directions that have none behind the last."""
    last = max((place for place, one in enumerate(bits) if one), default=0)
    return "+".join(str(one) for one in bits[: last + 1])
