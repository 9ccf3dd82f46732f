"""What estimators that climb by quadrants share: one state, its readings, the next power.

At power k a hit has probability sin^2(K theta), K = 2k+1. While K times the interval of theta lies
in one quadrant [q, q+1] pi/2, a reading of that probability is a reading of theta.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from qmc.estimators.priors import QUADRANT, angle, checked_decay, prior_angles
from qmc.problem import Goal
from qmc.result import Estimate, Interval, Status
from qmc.rounds import Round

_MOST_SHOTS = 2**40  # pooled at one power before a run gives up
_LAST_QUERIES = 2**24  # the same at the largest power, for a relative tolerance that 0 never meets
_LAST_SHOTS = 2**12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Everything a run knows; plain numbers, so it can be stored and gone on with.

    Attributes:
        goal: what to reach.
        error: probability of a miss that this run may spend (a prior's share taken off).
        decay: visibility lost per power.
        low, high: ends of the interval of theta, amplitude = sin^2 theta, in [0, pi/2].
        likely: the theta that makes the hits of the last power read most likely; None before.
        power: the current power.
        entry_low, entry_high: ends when this power was chosen; they fix its quadrant.
        shots, hits, looks: pooled at this power, and how often its interval was read.
        spent, rounds: queries and rounds so far.
        finished, status: whether it ends here, and how; "interrupted" while it runs.
        owner: the estimator that began the run.
    """

    goal: Goal
    error: float
    decay: float = 0.0
    low: float = 0.0
    high: float = QUADRANT
    likely: float | None = None
    power: int = 0
    entry_low: float = 0.0
    entry_high: float = QUADRANT
    shots: int = 0
    hits: int = 0
    looks: int = 0
    spent: int = 0
    rounds: int = 0
    finished: bool = False
    status: Status = "interrupted"
    owner: str = ""

    @property
    def factor(self) -> int:
        """K = 2k+1 of the current power."""
        return 2 * self.power + 1

    @property
    def left(self) -> int | None:
        """Queries that the budget still allows; None without a budget."""
        return None if self.goal.queries is None else self.goal.queries - self.spent


def begin(goal: Goal, prior: Interval, decay: float, owner: object) -> Ladder:
    """The first state of `owner`, at power 0; finished when the prior alone meets the goal."""
    decay = checked_decay(decay)
    low, high, error = prior_angles(goal, prior)
    ladder = Ladder(
        goal=goal, error=error, decay=decay, low=low, high=high, owner=type(owner).__name__
    )
    if (low, high) != (0.0, QUADRANT) and met(ladder):
        return replace(ladder, finished=True, status="converged")
    return replace(ladder, entry_low=low, entry_high=high)


def largest_factor(goal: Goal, decay: float, max_power: int) -> int:
    """Largest K = 2k+1 that a run may reach: by max_power, tolerance, budget and visibility.

    An interval of the amplitude wider than 2 x tolerance is at least as wide in theta, and K times
    it must fit a quadrant: K < pi / (4 tolerance). Powers above 1 / decay see too little.
    """
    power = float(max_power)
    if decay > 0.0:
        power = min(power, 1.0 / decay)
    bound = 2.0 * math.floor(power) + 1.0
    if goal.tolerance is not None and goal.relative_tolerance is None:
        bound = min(bound, 0.25 * math.pi / goal.tolerance)
    if goal.queries is not None:
        bound = min(bound, goal.queries)
    return max(1, int(bound))


def next_factor(ladder: Ladder, least: int, most: int, *, shots: int = 1) -> int:
    """Largest odd K in [least, most] with K x interval inside one quadrant; 0 when there is none.

    A budget must still pay `shots` shots at K.
    """
    if ladder.left is not None:
        most = min(most, ladder.left // shots)
    width = ladder.high - ladder.low
    if width * most > QUADRANT:
        most = int(QUADRANT / width)
    for factor in range(most - (most + 1) % 2, max(least, 1) - 1, -2):
        if quadrant(factor, ladder.low, ladder.high) >= 0:
            return factor
    return 0


def enter(ladder: Ladder, factor: int) -> Ladder:
    """Go to power (factor - 1) / 2 with nothing pooled there yet."""
    return replace(
        ladder,
        power=factor // 2,
        entry_low=ladder.low,
        entry_high=ladder.high,
        shots=0,
        hits=0,
        looks=0,
    )


def one_round(ladder: Ladder, shots: int) -> tuple[Round, ...]:
    """A round at the current power, cut to what the budget pays; () when finished."""
    if ladder.finished:
        return ()
    if ladder.left is not None:
        shots = min(shots, ladder.left // ladder.factor)
    return (Round(ladder.power, shots),)


def told(ladder: Ladder, rounds: Sequence[Round], hits: Sequence[int]) -> Ladder:
    """The hits pooled with those of this power.

    The caller has seen that they are what it asked for.
    """
    return replace(
        ladder,
        shots=ladder.shots + sum(each.shots for each in rounds),
        hits=ladder.hits + int(sum(hits)),
        looks=ladder.looks + 1,
        spent=ladder.spent + sum(each.queries for each in rounds),
        rounds=ladder.rounds + len(rounds),
    )


def unfolded(ladder: Ladder, chance: float) -> float:
    """The theta in the quadrant of the current power at which a hit has this probability."""
    visible = math.exp(-ladder.decay * ladder.power)
    inner = angle(0.5 + (chance - 0.5) / visible)
    where = max(quadrant(ladder.factor, ladder.entry_low, ladder.entry_high), 0)
    return (where * QUADRANT + (QUADRANT - inner if where % 2 else inner)) / ladder.factor


def narrowed(ladder: Ladder, chances: tuple[float, float]) -> Ladder:
    """Intersect with an interval of the hit probability at this power.

    Intervals that contradict each other prove a miss or a wrong prior: "unresolved", their hull.
    So does one that no theta gives at this visibility: "unresolved", nothing is learnt.
    """
    visible = math.exp(-ladder.decay * ladder.power)
    if chances[0] > 0.5 + 0.5 * visible or chances[1] < 0.5 - 0.5 * visible:
        return replace(ladder, finished=True, status="unresolved")
    low, high = sorted(unfolded(ladder, end) for end in chances)
    ladder = replace(ladder, likely=unfolded(ladder, ladder.hits / ladder.shots))
    if low > ladder.high or high < ladder.low:
        low, high = min(low, ladder.low), min(max(high, ladder.high), QUADRANT)
        return replace(ladder, low=low, high=high, finished=True, status="unresolved")
    return replace(ladder, low=max(low, ladder.low), high=min(high, ladder.high))


def settled(ladder: Ladder) -> Ladder:
    """Finish when the goal is met or the budget no longer pays a shot."""
    if ladder.finished:
        return ladder
    if met(ladder):
        return replace(ladder, finished=True, status="converged")
    if ladder.left is not None and ladder.left < ladder.factor:
        return replace(ladder, finished=True, status="budget_exhausted")
    return ladder


def tired(ladder: Ladder, least: int, most: int) -> Ladder:
    """Give up ("unresolved") after `most_shots` at one power; `least` is the next K, if any."""
    if ladder.shots >= most_shots(ladder.goal, ladder.factor, last=least > most):
        return replace(ladder, finished=True, status="unresolved")
    return ladder


def most_shots(goal: Goal, factor: int, *, last: bool) -> int:
    """Shots at one power after which a run gives up: 2^40.

    A relative tolerance may be out of reach for ever, so it ends sooner at the last power that
    there can be: after 2^24 queries there, but not before 2^12 shots. A budget ends by itself.
    """
    if last and goal.relative_tolerance is not None and goal.queries is None:
        return max(_LAST_SHOTS, _LAST_QUERIES // factor)
    return _MOST_SHOTS


def met(ladder: Ladder) -> bool:
    """Whether the interval so far meets the goal's tolerances."""
    reached = estimate(ladder)
    return ladder.goal.met(reached.value, reached.interval.half_width)


def estimate(ladder: Ladder) -> Estimate:
    """Most likely amplitude of the last power read, or the interval's middle.

    Next to 0 and 1, where an interval leans, its middle is biased. Where other powers' readings
    exclude the most likely one, the middle of what is left says more than an end.
    """
    low, high = math.sin(ladder.low) ** 2, math.sin(ladder.high) ** 2
    likely = -1.0 if ladder.likely is None else math.sin(ladder.likely) ** 2
    value = likely if low <= likely <= high else 0.5 * (low + high)
    return Estimate(value, Interval(low, high, ladder.goal.confidence), ladder.status)


def planned_queries(goal: Goal, amplitude: float, cost: float, power: int) -> float:
    """Queries cost x (4 / pi) sin(2 theta) / allowed half-width, or the budget.

    `cost` is the mean of queries x tolerance at uniform random amplitudes, where sin(2 theta) has
    mean pi / 4. `power` is the largest one, where a relative tolerance gives up.
    """
    limit = float(goal.queries) if goal.queries is not None else math.inf
    allowed = goal.allowed_half_width(amplitude)
    if allowed is None:
        return limit
    if goal.relative_tolerance is not None:
        limit = min(limit, float(max(2 * _LAST_QUERIES, 2 * _LAST_SHOTS * (2 * power + 1))))
    if allowed == 0.0:
        return limit
    slope = max(2.0 * math.sqrt(max(amplitude * (1.0 - amplitude), 0.0)), math.sqrt(allowed))
    return min(limit, max(cost * 4.0 / math.pi * slope / allowed, 1.0))


def quadrant(factor: int, low: float, high: float) -> int:
    """The quadrant that holds factor x [low, high], or -1 when two do."""
    found = math.floor(0.5 * factor * (low + high) / QUADRANT)
    inside = (
        factor * low >= found * QUADRANT - 1e-12 and factor * high <= (found + 1) * QUADRANT + 1e-12
    )
    return found if inside else -1
