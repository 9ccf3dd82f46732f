"""The answer: value, interval, what it covers, error budget, cost, provenance."""

from __future__ import annotations

import functools
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np

from qmc.capabilities import SampledLaw, SteppedPaths
from qmc.errors import InvalidProblem, NotConverged
from qmc.problem import Goal, Problem
from qmc.rng import RNGLike

Covers: TypeAlias = Literal["continuous", "discretised"]
Status: TypeAlias = Literal["converged", "budget_exhausted", "unresolved", "interrupted"]
Kind: TypeAlias = Literal["sampling", "asymptotic", "unproved", "bound", "exact", "unknown"]
Guarantee: TypeAlias = Literal["proved", "asymptotic", "unproved"]

_PACKAGES = ("qmc", "numpy", "scipy", "qiskit", "qiskit-aer")


@functools.cache
def package_versions() -> tuple[tuple[str, str], ...]:
    """Versions of Python and of the packages a result depends on."""
    rows = [("python", platform.python_version())]
    for name in _PACKAGES:
        try:
            rows.append((name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    return tuple(rows)


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval at a confidence. Ends may be infinite; low <= high."""

    low: float
    high: float
    confidence: float = 1.0

    def __post_init__(self) -> None:
        """Refuse NaN and reversed ends."""
        if math.isnan(self.low) or math.isnan(self.high) or self.low > self.high:
            msg = f"Interval({self.low}, {self.high}): must have low <= high, both numbers"
            raise InvalidProblem(msg)
        if not 0.0 <= self.confidence <= 1.0:
            msg = f"confidence={self.confidence!r}: must be a probability, such as 0.99"
            raise InvalidProblem(msg)

    @property
    def width(self) -> float:
        """High - low."""
        return self.high - self.low

    @property
    def half_width(self) -> float:
        """Half of the width."""
        return 0.5 * self.width

    @property
    def midpoint(self) -> float:
        """The middle, or the finite end when one end is infinite."""
        if math.isinf(self.low) or math.isinf(self.high):
            finite = [end for end in (self.low, self.high) if math.isfinite(end)]
            return finite[0] if finite else 0.0
        return 0.5 * (self.low + self.high)

    def contains(self, value: float) -> bool:
        """True when low <= value <= high."""
        return bool(self.low <= value <= self.high)

    def clipped(self, low: float, high: float) -> Interval:
        """The part within [low, high], or its nearest point where there is none."""
        return Interval(
            min(max(self.low, low), high), min(max(self.high, low), high), self.confidence
        )

    def mapped(self, offset: float, scale: float) -> Interval:
        """The interval of offset + scale * x for x in self; a negative scale turns it round."""
        ends = sorted((offset + scale * self.low, offset + scale * self.high))
        return Interval(ends[0], ends[1], self.confidence)


UNIT = Interval(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an estimator knows of an amplitude so far."""

    value: float
    interval: Interval
    status: Status


@dataclass(frozen=True, slots=True)
class BudgetLine:
    """One source of error: half-width it adds, and the share of the 1 - confidence it spends.

    Attributes:
        source: where the error comes from.
        kind: "sampling" (valid at its error share for every sample size), "asymptotic" (by a
            central limit theorem), "unproved" (coverage was measured, if anything), "bound"
            (holds surely), "exact" (no error) or "unknown".
        amount: half-width in the measure's unit; infinite when unknown.
        error_share: probability that this line is wrong; 0 for a bound.
        note: how the amount was found.
    """

    source: str
    kind: Kind
    amount: float
    error_share: float = 0.0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """The error budget: every source of error of a result, one line each."""

    lines: tuple[BudgetLine, ...]

    @property
    def total(self) -> float:
        """Sum of the amounts."""
        return math.fsum(line.amount for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What an answer cost.

    Attributes:
        queries: uses of A or its inverse, 2k+1 a shot at power k; classical: paths.
        shots: circuit runs measured; classical: paths.
        rounds: jobs sent to the backend; classical: blocks.
        max_power: largest power k of the Grover operator.
        pilot_paths: classical paths spent to place a grid's cells.
        residual_paths: classical paths spent to measure what a grid leaves out.
        seconds: wall time of the whole solve.
    """

    queries: int = 0
    shots: int = 0
    rounds: int = 0
    max_power: int = 0
    pilot_paths: int = 0
    residual_paths: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitSummary:
    """Size of the state preparation A: qubits, depth and two-qubit gates in cx, rz, sx, x."""

    qubits: int
    depth: int
    two_qubit_gates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What made a result: enough to make it again."""

    problem: Problem
    goal: Goal
    engine: str
    seed: str
    versions: tuple[tuple[str, str], ...] = field(default_factory=package_versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Answer, interval, error budget, cost and provenance of one solve.

    Attributes:
        value: the point estimate, in the measure's unit.
        interval: covers the true number at its confidence, of what `covers` says.
        covers: "continuous" (the problem as stated) or "discretised" (only its grid version).
        status: "converged", "budget_exhausted", "unresolved" or "interrupted".
        budget: where the width of the interval comes from.
        cost: queries, shots, seconds.
        circuit: size of A for a quantum engine, else None.
        provenance: problem, goal, engine, seed, versions.
    """

    value: float
    interval: Interval
    covers: Covers
    status: Status
    budget: Budget
    cost: Cost
    provenance: Provenance
    circuit: CircuitSummary | None = None

    def __str__(self) -> str:
        """One line: measure, value, interval, what it covers, status and cost."""
        provenance = self.provenance
        measure = provenance.problem.measure
        where = "" if self.covers == "continuous" else " of the discretised problem only"
        return (
            f"{getattr(measure, 'greek', type(measure).__name__)} {self.value:.6g} "
            f"[{self.interval.low:.6g}, {self.interval.high:.6g}] "
            f"{100.0 * self.interval.confidence:g} %{where}, {self.status}, "
            f"{self.cost.queries:,} queries, {provenance.engine.split('(')[0]}"
        )

    def explain(self) -> str:
        """The error budget as a text table, with status, cost and circuit below it."""
        from qmc.explain import explain

        return explain(self)

    def require(self) -> Result:
        """Return self when converged.

        Raises:
            NotConverged: with this result attached, when the goal was not reached.
        """
        if self.status == "converged":
            return self
        msg = (
            f"goal not reached ({self.status}): {self}; asked for {self.provenance.goal}; "
            "raise queries=, the number of qubits or the tolerance"
        )
        raise NotConverged(msg, self)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict with a schema version; `qmc.from_dict` reads it back."""
        from qmc.serialise import to_dict

        return to_dict(self)


@runtime_checkable
class Engine(Protocol):
    """A way to find a problem's number: quantum or classical, one verb."""

    def solve(self, problem: Problem, goal: Goal, *, rng: RNGLike = None) -> Result:
        """Return the answer with its interval and cost."""
        ...


def scheme_lines(model: object) -> tuple[BudgetLine, ...]:
    """What a model's time steps leave unknown: no number of paths or queries reduces it."""
    if not isinstance(model, SteppedPaths):
        return ()
    note = f"not covered: {model.scheme}; compare with twice the steps"
    return (BudgetLine("time steps", "unknown", math.inf, 0.0, note),)


def law_lines(model: object, times: Sequence[float]) -> tuple[BudgetLine, ...]:
    """What a law of fixed scenarios leaves unknown: the scenarios' own distance from the model."""
    how = model.sampled_law(times) if isinstance(model, SampledLaw) else None
    if how is None:
        return ()
    note = f"not covered: {how}; MonteCarlo draws fresh ones"
    return (BudgetLine("scenarios", "unknown", math.inf, 0.0, note),)


def describe_seed(rng: object) -> str:
    """The seed as the user gave it, for the provenance."""
    if rng is None:
        return "none (fresh entropy)"
    if isinstance(rng, np.integer):
        rng = int(rng)
    if isinstance(rng, int | tuple | list | np.random.SeedSequence):
        return " ".join(repr(rng).split())
    # a stream that was drawn from before cannot be told in a word
    return f"a {type(rng).__name__}, its state not stored"


def status_for(goal: Goal, value: float, half_width: float, *, spent: bool) -> Status:
    """Status of a finished run: met tolerances, or a used-up budget, or unresolved."""
    allowed = goal.allowed_half_width(value)
    if allowed is None:
        return "converged" if math.isfinite(half_width) else "unresolved"
    if half_width <= allowed:
        return "converged"
    return "budget_exhausted" if spent else "unresolved"
