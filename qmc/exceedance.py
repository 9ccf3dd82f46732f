"""The exceedance curve of a loss: P(loss > x) with intervals that hold at all x together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from qmc import checks
from qmc.problem import Goal, Problem, check_request
from qmc.result import Provenance, describe_seed
from qmc.rng import RNGLike
from qmc.tail_points import SupportsExceedance, TailPoints

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceedanceCurve:
    """P(loss > x) at several x, as an engine found it.

    Attributes:
        points: thresholds, estimates and simultaneous intervals.
        provenance: problem, goal, engine, seed, versions.
    """

    points: TailPoints
    provenance: Provenance

    def __str__(self) -> str:
        """One line: how many thresholds, their range, what is covered, status and cost."""
        points = self.points
        where = "" if points.covers == "continuous" else " of the discretised problem only"
        return (
            f"P(loss > x) at {len(points.thresholds)} thresholds from {points.thresholds[0]:.6g} "
            f"to {points.thresholds[-1]:.6g}, all within their intervals at "
            f"{100.0 * points.confidence:g} %{where}, {points.status}, "
            f"{points.cost.queries:,} queries, {self.provenance.engine.split('(')[0]}"
        )

    def to_frame(self) -> pd.DataFrame:
        """The columns threshold, value, low and high, one row a threshold."""
        import pandas as pd

        points = self.points
        return pd.DataFrame(
            {
                "threshold": points.thresholds,
                "value": points.values,
                "low": points.lows,
                "high": points.highs,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict with a schema version; `qmc.from_dict` reads it back."""
        from qmc.serialise import to_dict

        return to_dict(self)

    def plot(self, *, ax: Axes | None = None) -> Axes:
        """P(loss > x) against x on a logarithmic scale, with the simultaneous band."""
        from qmc.plots import plot_exceedance

        return plot_exceedance(self, ax=ax)


def exceedance_curve(
    problem: Problem,
    engine: SupportsExceedance,
    goal: Goal,
    thresholds: Sequence[float] | None = None,
    *,
    rng: RNGLike = None,
) -> ExceedanceCurve:
    """P(loss > x) at several thresholds, all of whose intervals hold together.

    `Quantum` shares 1 - confidence equally among the thresholds (Bonferroni), each by an estimator
    that stops once a tail is surely below 1e-4; `classical_baseline.MonteCarlo` takes the band of
    Dvoretzky, Kiefer and Wolfowitz with Massart's constant, which holds at every x for every law.

    Args:
        problem: whose loss, minus the present value, is asked about; of the measure nothing is
            used but a level, where it has one, by which edges are placed.
        engine: such as `Quantum()` or `MonteCarlo()`.
        goal: tolerances in units of probability; queries of all thresholds together.
        thresholds: increasing losses; for `Quantum` edges of its grid. None lets the engine choose.
        rng: seed or generator; the same seed gives the same bits.

    Raises:
        InvalidProblem: for arguments of another type or thresholds out of order, and for what a
            goal cannot ask of the engine.
        Unsupported: when a part cannot treat the problem.

    >>> from qmc import Goal, NormalReturns, Portfolio, Problem, Quantum, VaR
    >>> from qmc.backends import Ideal
    >>> returns = NormalReturns(mean=(0.0,), covariance=((1e-4,),))
    >>> problem = Problem(returns, Portfolio(weights=(1.0,), value=100.0), VaR(level=0.99))
    >>> curve = exceedance_curve(
    ...     problem, Quantum(backend=Ideal()), Goal(tolerance=0.05), rng=1
    ... )
    >>> len(curve.points.thresholds), curve.points.status
    (31, 'converged')
    """
    check_request(problem, goal)
    checks.interface("engine", engine, SupportsExceedance, "such as Quantum() or MonteCarlo()")
    points = engine.tail_points(problem, goal, thresholds, rng=rng)
    return ExceedanceCurve(
        points=points,
        provenance=Provenance(
            problem=problem, goal=goal, engine=repr(engine), seed=describe_seed(rng)
        ),
    )
