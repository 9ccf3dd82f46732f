"""`Bisection`: threshold tests by an estimator of amplitudes, early-stopped or to the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qmc import checks
from qmc.errors import Unsupported
from qmc.estimators.iterative import Iterative
from qmc.estimators.protocols import Estimator
from qmc.problem import Array, Goal
from qmc.quantile.brackets import (
    Bracket,
    ThresholdTest,
    bracket_status,
    interpolate,
    max_tests,
    moved,
    narrow_enough,
    next_edge,
    require_visible_tail,
    resolution,
    wanted_width,
)
from qmc.quantile.protocols import (
    QuantileEstimate,
    QuantileTask,
    ThresholdReply,
    ThresholdRound,
)
from qmc.result import Estimate, Guarantee, Interval, Status
from qmc.rounds import Round


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BisectionState:
    """Everything a run knows.

    Attributes:
        task: what to find.
        low, high: T[low] > tau >= T[high] by the tests done.
        tests: done, in order.
        edge, running: the edge being tested, -1 for none, and its estimator's state.
        asked: the next rounds.
        spent: queries so far.
        finished, status: whether it ends here, and how; "interrupted" while it runs.
    """

    task: QuantileTask
    low: int
    high: int
    tests: tuple[ThresholdTest, ...] = ()
    edge: int = -1
    running: Any = None
    asked: tuple[ThresholdRound, ...] = ()
    spent: int = 0
    finished: bool = False
    status: Status = "interrupted"

    @property
    def edges(self) -> Array:
        """(m + 1,) losses."""
        return np.asarray(self.task.edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisection:
    """Bisect for the quantile, each edge tested by an estimator of its tail probability.

    Algorithm: the textbook's (Woerner and Egger 2019, doi:10.1038/s41534-019-0130-6). A test has
    an equal share of the error, and with `early_stop` it ends once its interval excludes tau.
    Else every test runs to its own tolerance, that of `qmc.quantile.resolution`. An edge that
    cannot be told from tau is passed over, which leaves the bracket wider.

    Guarantee: the estimator's, shared among the most tests that a search makes.

    Attributes:
        estimator: of the tails. To stop early it has to be `anytime_valid`.
        early_stop: whether a test ends once it is decided.

    Raises:
        Unsupported: to stop early with an estimator whose interval may only be read at its end.
    """

    estimator: Estimator = field(default_factory=Iterative)
    early_stop: bool = True

    def __post_init__(self) -> None:
        """Refuse to stop early what is read at its end."""
        checks.interface("estimator", self.estimator, Estimator)
        if self.early_stop and not self.estimator.anytime_valid:
            msg = (
                f"early_stop=True: the interval of {self.estimator!r} may only be read at its end; "
                "take an estimator that is anytime_valid, such as Iterative() or Certified(), or "
                "early_stop=False"
            )
            raise Unsupported(msg)

    @property
    def guarantee(self) -> Guarantee:
        """That of the estimator."""
        found: Guarantee = self.estimator.guarantee
        return found

    def start(self, task: QuantileTask) -> BisectionState:
        """The first state.

        Raises:
            Unsupported: when the encoding's bias hides the tail.
        """
        require_visible_tail(task.tail_probability, task.tail_bias)
        last = np.asarray(task.edges).size - 1
        return self._decide(BisectionState(task=task, low=0, high=last))

    def ask(self, state: BisectionState, rng: np.random.Generator) -> tuple[ThresholdRound, ...]:
        """The estimator's next rounds at the edge being tested; () when finished."""
        if state.finished:
            return ()
        asked = []
        for one in self.estimator.ask(state.running, rng):
            if not isinstance(one, Round):
                msg = f"{self.estimator!r} asks for {one}: a threshold test takes flags only"
                raise Unsupported(msg)
            asked.append(ThresholdRound(state.edge, one))
        return tuple(asked)

    def tell(
        self,
        state: BisectionState,
        rounds: Sequence[ThresholdRound],
        replies: Sequence[ThresholdReply],
    ) -> BisectionState:
        """The state after the replies.

        Raises:
            InvalidProblem: for a state of another search or a finished one, for rounds of another
                edge, and for what the estimator refuses.
        """
        if not isinstance(state, BisectionState):
            raise checks.refuse("state", state, "a BisectionState, from Bisection.start")
        if state.finished:
            raise checks.refuse("state", f"finished, {state.status}", "one that still asks")
        if any(one.edge != state.edge for one in rounds):
            raise checks.refuse("rounds", rounds, f"of edge {state.edge}, as asked")
        told: list[Round] = [one.round for one in rounds]
        running = self.estimator.tell(state.running, told, [reply.hits for reply in replies])
        spent = state.spent + sum(one.queries for one in rounds)
        state = replace(state, running=running, spent=spent)
        return self._decide(state)

    def estimate(self, state: BisectionState) -> QuantileEstimate:
        """The bracket so far, and the tails at its ends as their tests left them."""
        ends = float(state.edges[state.low]), float(state.edges[state.high])
        interval = Interval(*ends, state.task.goal.confidence)
        bracket = Bracket(state.low, state.high, state.tests, "resolved")
        value = interpolate(state.edges, bracket, state.task.tail_probability)
        tails = tuple(
            (test.edge, test.tail.interval)
            for test in state.tests
            if test.edge in (state.low, state.high)
        )
        return QuantileEstimate(
            value=value,
            low=state.low,
            high=state.high,
            interval=interval,
            status=_status(state, value, interval),
            tails=tails,
            tests=len(state.tests),
        )

    def _decide(self, state: BisectionState) -> BisectionState:
        """End the test if it is decided, and begin the next; or finish."""
        tau, enough = state.task.tail_probability, narrow_enough(state.edges, state.task.goal)
        while True:
            if state.edge >= 0:
                tail = _widened(self.estimator.estimate(state.running), state.task.tail_bias)
                decided = not tail.interval.low <= tau <= tail.interval.high
                # whether it asks at all; what it asks is drawn anew in `ask`
                over = not self.estimator.ask(state.running, np.random.default_rng(0))
                if not over and not (self.early_stop and decided):
                    return state
                test = ThresholdTest(state.edge, tail)
                low, high = moved(state.low, state.high, test, tau)
                state = replace(
                    state, low=low, high=high, tests=(*state.tests, test), edge=-1, running=None
                )
            left = state.task.goal.queries
            if left is not None and left - state.spent < 1:
                return replace(state, finished=True, status="budget_exhausted")
            edge = next_edge(state.edges, state.low, state.high, [t.edge for t in state.tests])
            if edge is None or enough(state.low, state.high):
                return replace(state, finished=True, status="converged")
            state = replace(state, edge=edge, running=self._test(state, edge))

    def _test(self, state: BisectionState, edge: int) -> Any:  # noqa: ANN401
        """The estimator's state at the begin of a test."""
        task, goal = state.task, state.task.goal
        width = wanted_width(state.edges, edge, goal)
        tolerance = resolution(task.tail_probability, task.tail_bias, width)
        left = None if goal.queries is None else goal.queries - state.spent
        confidence = 1.0 - (1.0 - goal.confidence) / max_tests(state.edges)
        one = Goal(tolerance=tolerance, queries=left, confidence=confidence)
        return self.estimator.start(one, decay=task.decay)


def _widened(tail: Estimate, bias: float) -> Estimate:
    """With an interval of the tail itself, from that of the flag."""
    low, high = max(tail.interval.low - bias, 0.0), min(tail.interval.high + bias, 1.0)
    return replace(tail, interval=Interval(low, high, tail.interval.confidence))


def _status(state: BisectionState, value: float, interval: Interval) -> Status:
    if not state.finished:
        return "interrupted"
    spent, cells = state.status == "budget_exhausted", state.high - state.low
    return bracket_status(state.task.goal, value, interval, cells, spent=spent)
