"""`Adaptive`: a posterior on live cells chooses each round by information per query."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from qmc import checks
from qmc.estimators import adaptive_steps as steps
from qmc.estimators.candidates import DRAWS
from qmc.estimators.intervals import confidence_cost, deviate
from qmc.estimators.posterior import (
    Cells,
    Shots,
    update,
)
from qmc.estimators.priors import checked_decay, checked_power, checked_shots, prior_angles
from qmc.estimators.telling import require_told
from qmc.problem import Goal
from qmc.result import UNIT, Estimate, Guarantee, Interval, Status
from qmc.rounds import Round

# shots at the largest power over those that its Fisher information allows
_CAPPED = 1.45
_CONFIDENCE_SLOPE = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveState:
    """Everything a run knows; plain numbers, so it can be stored and gone on with.

    Attributes:
        goal: what to reach.
        error: posterior mass that may lie outside the interval (a prior's share taken off).
        decay: visibility lost per power.
        theta, log_likelihood, width: the cells of the angle, see `posterior.Cells`.
        rounds: (power, steer, shots, hits) of each round told.
        spent: queries so far.
        finished, status: whether it ends here, and how; "interrupted" while it runs.
    """

    goal: Goal
    error: float
    decay: float
    theta: tuple[float, ...]
    log_likelihood: tuple[float, ...]
    width: float
    rounds: tuple[tuple[int, float, int, int], ...] = ()
    spent: int = 0
    finished: bool = False
    status: Status = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptive:
    """Adaptive Bayesian amplitude estimation with a steered phase.

    Algorithm: the likelihood of all shots is kept exactly on cells of the angle theta, amplitude =
    sin^2 theta, flat at first; cells that lose all weight are dropped and the others halved. Each
    round is the best of a few random candidates (power, steer) by the shot's information about
    theta over its queries 2k+1, as in Bayesian experimental design (Lindley 1956,
    doi:10.1214/aoms/1177728069) applied to phase estimation (Wiebe and Granade, arXiv:1508.00869).
    Steering by one ancilla moves the phase by a known amount, so no amplitude is exceptional and a
    shot sits on the steep part of its fringe. The run ends when some interval of the wanted
    half-width holds the confidence in posterior mass; without a tolerance, at the budget, with the
    shortest interval of that mass.

    Guarantee: measured, not proved; `python -m benchmarks run amplitudes` holds its coverage at
    each named amplitude. The interval is to be read at the end (`anytime_valid` is False): stopping
    by other rules would select on it. `Certified` is proved, at about 1.7 times the queries.
    At twice the tolerance from 0 or 1 it has nothing to spare; there, with single shots and a
    power capped (or a decay) far below 1 / tolerance, it is read so often that it covers .93
    (`max_power=2`, amplitude .0213, tolerance .01); more shots a round mend that (.96 with 10). A
    decay that it is not told of harms it more than others: tell it, or calibrate.

    Cost: about 3 / tolerance queries, less next to 0 and 1.

    Attributes:
        shots: of a round; one is cheapest in queries, ten in rounds.
        max_power: largest power.
        cells: of the posterior, at most.
        max_rounds: after these the run ends as "unresolved", with the shortest interval that holds
            the confidence in posterior mass, more of it near 0 and 1; wider than wanted. So ends a
            tolerance far below what single shots at `max_power` reach in so many rounds.
    """

    shots: int = 1
    max_power: int = 2**30
    cells: int = 80
    max_rounds: int = 4000

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "max_power", checked_power(self.max_power))
        object.__setattr__(self, "shots", checked_shots(self.shots))
        for name, least in (("cells", 16), ("max_rounds", 1)):
            object.__setattr__(self, name, checks.whole(name, getattr(self, name), least))

    @property
    def guarantee(self) -> Guarantee:
        """Measured, see the class."""
        return "unproved"

    @property
    def anytime_valid(self) -> bool:
        """False: read the interval at the end."""
        return False

    def start(self, goal: Goal, prior: Interval = UNIT, decay: float = 0.0) -> AdaptiveState:
        """The first state. A prior that leaves no share of the error is not used."""
        decay = checked_decay(decay)
        low, high, error = prior_angles(goal, prior)
        cells = steps.begun(low, high, 1, self.cells)
        state = AdaptiveState(
            goal=goal, error=error, decay=decay, theta=(), log_likelihood=(), width=0.0
        )
        return self._decide(state, cells)

    def ask(self, state: AdaptiveState, rng: np.random.Generator) -> tuple[Round, ...]:
        """The next round; () when finished. Draws its candidates from `rng`."""
        if state.finished:
            return ()
        limits, draws = self.limits(state.goal), rng.random((1, DRAWS))
        spent = np.array([state.spent], dtype=np.int64)
        power, shots, steer = steps.chosen(_cells(state), limits, spent, state.decay, draws)
        return (Round(int(power[0]), int(shots[0]), float(steer[0])),)

    def tell(
        self, state: AdaptiveState, rounds: Sequence[Round], hits: Sequence[int]
    ) -> AdaptiveState:
        """Weigh the cells by the hits, and see whether the goal is reached.

        Raises:
            InvalidProblem: for what answers no `ask`, see `telling`. The likelihood takes any
                circuit, so those that it asks for at random are known by their power alone.
        """
        require_told(self, state, AdaptiveState, rounds, hits, most=self.max_power)
        told = _pooled(rounds, hits)
        whole = state.rounds + told

        def all_of(rows: NDArray[np.intp]) -> Shots:
            """All rounds of the only run."""
            del rows
            return _shots(whole, state.decay)

        cells = update(_cells(state), _shots(told, state.decay), all_of, steps.FLOOR)
        spent = state.spent + sum(each.queries for each in rounds)
        return self._decide(replace(state, rounds=whole, spent=spent), cells)

    def estimate(self, state: AdaptiveState) -> Estimate:
        """Posterior mean and interval: of the wanted half-width at the end, else the shortest."""
        value, low, high = steps.read(_cells(state), 0, state.goal, state.error, state.status)
        return Estimate(value, Interval(low, high, state.goal.confidence), state.status)

    def expected_queries(self, goal: Goal, amplitude: float) -> float:
        """Queries 3.9 sin(2 theta) / tolerance, see the benchmark; more where `max_power` caps.

        At the cap a shot at K = 2k+1 has the Fisher information 4 K^2 of theta at best; 1.45 times
        as many shots were measured (`tests/estimators/test_adaptive.py`). A run makes no
        more than `max_rounds` rounds.
        """
        limit = float(goal.queries) if goal.queries is not None else math.inf
        allowed = goal.allowed_half_width(amplitude)
        if allowed is None:
            return limit
        largest = 2.0 * self.max_power + 1.0
        limit = min(limit, float(self.max_rounds) * self.shots * largest)
        if allowed <= 0.0:
            return limit
        slope = max(2.0 * math.sqrt(max(amplitude * (1.0 - amplitude), 0.0)), math.sqrt(allowed))
        score = deviate("clopper_pearson", 1.0 - goal.confidence)
        capped = _CAPPED * (0.5 * score * slope / allowed) ** 2 / largest
        cost = 3.9 * confidence_cost(goal.confidence, _CONFIDENCE_SLOPE)
        return min(limit, max(cost * slope / allowed, capped, 1.0))

    def limits(self, goal: Goal) -> steps.Limits:
        """Of the rounds of a run."""
        return steps.Limits(
            shots=self.shots,
            max_power=self.max_power,
            max_rounds=self.max_rounds,
            queries=goal.queries,
        )

    def _decide(self, state: AdaptiveState, cells: Cells) -> AdaptiveState:
        """With these cells; finished at the tolerance, the budget or the last round."""
        reached = steps.reached(cells, 0, state.goal, state.error)
        spent, rounds, width = state.spent, len(state.rounds), float(cells.width[0])
        limits = self.limits(state.goal)
        status = limits.ending(reached=reached, spent=spent, rounds=rounds, width=width)
        return replace(
            state,
            theta=tuple(cells.theta[0].tolist()),
            log_likelihood=tuple(cells.log_likelihood[0].tolist()),
            width=float(cells.width[0]),
            finished=status != "interrupted",
            status=status,
        )


def _pooled(
    rounds: Sequence[Round], hits: Sequence[int]
) -> tuple[tuple[int, float, int, int], ...]:
    """(power, steer, shots, hits), rounds of one kind together: n shots are n single ones."""
    found: dict[tuple[int, float], tuple[int, int]] = {}
    for each, count in zip(rounds, hits, strict=True):
        shots, seen = found.get((each.power, each.steer), (0, 0))
        found[each.power, each.steer] = shots + each.shots, seen + int(count)
    return tuple((*kind, *counts) for kind, counts in found.items())


def _cells(state: AdaptiveState) -> Cells:
    return Cells(
        theta=np.array([state.theta]),
        log_likelihood=np.array([state.log_likelihood]),
        width=np.array([state.width]),
    )


def _shots(rounds: Sequence[tuple[int, float, int, int]], decay: float) -> Shots:
    table = np.array(rounds, dtype=np.float64).reshape(-1, 4)
    power, steer, shots, hits = (column[None, :] for column in table.T)
    return steps.measured(power, steer, shots, hits, decay)
