"""`MonteCarlo`: blocks of independent paths, with intervals that may be believed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

from classical_baseline import greeks, methods, tail_methods
from classical_baseline.exceedance import sampled_tail
from classical_baseline.sampling import Sampled, Sampler
from qmc import checks, memory
from qmc.certainty import is_certain
from qmc.errors import Unsupported
from qmc.measures import (
    ES,
    EconomicCapital,
    ExpectedLoss,
    Price,
    Probability,
    Sensitivity,
    TailConditionalExpectation,
    VaR,
)
from qmc.problem import Goal, Problem, check_request
from qmc.result import Budget, BudgetLine, Cost, Provenance, Result, describe_seed, scheme_lines
from qmc.rng import RNGLike, generator
from qmc.tail_points import TailPoints, of_loss, require_increasing

_METHODS = (
    (Probability, methods.probability),
    (VaR, methods.value_at_risk),
    (ES, methods.expected_shortfall),
    (TailConditionalExpectation, tail_methods.tail_conditional_expectation),
    (EconomicCapital, tail_methods.economic_capital),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonteCarlo:
    """Plain or antithetic Monte Carlo on any model and contract.

    **Stopping.** With `Goal(queries=n)` alone, n paths are drawn. With a tolerance the number of
    paths is fixed in two stages (Stein 1945, doi:10.1214/aoms/1177731088): a pilot of 4,096 paths,
    extended once, up to 8 blocks, where that is below an eighth of what it asks for, gives upper
    99.9 % limits of the spread; n follows from these and is not changed afterwards. Means pool the
    pilot with the rest, as Stein does; every other measure draws n fresh paths, so that given the
    pilot its interval is that of a fixed sample. A fresh sample may still be wider than planned
    (VaR and ES: 1 to 3 % of solves); the status is then "unresolved". Ctrl-C gives the interval of
    the blocks finished so far, as "interrupted", once there are two beside a pilot that only plans.

    **Intervals.** Price, ExpectedLoss: Student, by the central limit theorem, over paths or
    antithetic pairs; unbounded while all paths have the same value, such as a payoff that none of
    them reached; a price whose contract has `pieces` that are never negative is not below 0.
    Probability: Clopper-Pearson. VaR: two order statistics, exact for every law, atoms included.
    ES: Acerbi-Tasche estimate, Student interval of q + (L - q)+ / (1 - level)
    (`intervals.shortfall`). TailConditionalExpectation: from a Student limit of the losses beyond
    the lower end of the VaR to one of those beyond its upper end, so that atoms are covered.
    EconomicCapital: the VaR's order statistics less the mean's Student interval, half of the error
    probability each. Where nothing is random, as at a volatility of 0, one
    path is the exact answer.

    **Skewness.** The two Student intervals are asymptotic, and the budget says so. They are relied
    upon from 50 g^2 values on at 95 %, g the sample's skewness (`intervals.paths_for_skewness`):
    a plan draws twice what its pilot asks for, and a sample that breaks the rule is "unresolved",
    or "budget_exhausted", whatever its width; the budget's note says what it lacks. A law whose
    rare large values a sample has not met looks less skewed than it is (a price at volatility 100 %
    over four years, an ES where the loss has hardly a variance): such samples mostly break the rule
    but those that keep it cover less than they say.

    **Sensitivities** are means, with their intervals. `greeks="difference"` averages the measure's
    difference quotient, for any model and contract, and adds what its step is measured to add;
    "pathwise" the derivative along each path (payoffs without jumps under log-normal models, first
    order) and "likelihood ratio" the payoff times a score (spot and vol under `BlackScholes`, any
    payoff on dates), both without a step. See `classical_baseline.greeks`.

    The same seed gives the same bits for any number of threads: each block has its own spawned
    stream and blocks are merged in order.

    Attributes:
        block: paths drawn at once, 1,024 to 1,048,576.
        threads: workers; None for one a core.
        antithetic: pair every path with its mirror image; for means of values only, Price,
            ExpectedLoss and Sensitivity.
        max_paths: the most paths of one solve.
        greeks: how a `Sensitivity` is sampled: "difference", "pathwise" or "likelihood ratio".

    >>> from qmc import BlackScholes, Call, Goal, Price, Problem
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> result = MonteCarlo().solve(problem, Goal(tolerance=0.1), rng=7)
    >>> result.interval.contains(8.021352235), result.status
    (True, 'converged')
    """

    block: int = 32_768
    threads: int | None = None
    antithetic: bool = False
    max_paths: int = 100_000_000
    greeks: str = "difference"

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "block", checks.whole("block", self.block, 1024, 1 << 20))
        if self.threads is not None:
            object.__setattr__(self, "threads", checks.whole("threads", self.threads, 1))
        if not isinstance(self.antithetic, bool):
            raise checks.refuse("antithetic", self.antithetic, "True or False")
        object.__setattr__(self, "max_paths", checks.whole("max_paths", self.max_paths, 2))
        checks.choice("greeks", self.greeks, greeks.METHODS)

    def solve(self, problem: Problem, goal: Goal, *, rng: RNGLike = None) -> Result:
        """Estimate the measure of the problem to the goal.

        Args:
            problem: what to find.
            goal: when to stop; queries are paths.
            rng: seed or generator; the same seed gives the same bits.

        Raises:
            Unsupported: for a measure that is not sampled, or not with antithetic paths.
            InvalidProblem: when problem or goal is something else, or a path's value is no finite
                number.
            TooLarge: when a block or the kept tail would not fit the machine.
        """
        check_request(problem, goal)
        begin = time.perf_counter()
        method = self._method(problem)
        if not isinstance(problem.measure, Sensitivity) and is_certain(problem):
            method = methods.certain
        sampler = self._sampler(problem, goal, rng)
        try:
            sampled = method(sampler)
        finally:
            # after Ctrl-C or an error, no block is begun
            sampler.pool.shutdown(cancel_futures=True)
        return Result(
            value=sampled.value,
            interval=sampled.interval,
            covers="discretised" if scheme_lines(problem.model) else "continuous",
            status=sampler.status(sampled),
            budget=_budget(problem, goal, sampled),
            cost=Cost(
                queries=sampler.paths,
                shots=sampler.paths,
                rounds=sampler.blocks,
                pilot_paths=sampled.pilot_paths,
                seconds=time.perf_counter() - begin,
            ),
            provenance=Provenance(
                problem=problem, goal=goal, engine=repr(self), seed=describe_seed(rng)
            ),
        )

    def tail_points(
        self,
        problem: Problem,
        goal: Goal,
        thresholds: Sequence[float] | None = None,
        *,
        rng: RNGLike = None,
    ) -> TailPoints:
        """P(loss > threshold) with a band that holds at every threshold together, for every law.

        Args:
            problem: whose loss is asked about.
            goal: a tolerance in units of probability, or queries.
            thresholds: increasing losses; None takes up to 31 of the sample's, 5 below the median
                and the others at probabilities spaced geometrically from 1/2 down: 20 to the
                half-width of the band, below which an interval holds 0, and 6 to the last loss.
            rng: seed or generator; the same seed gives the same bits.

        Raises:
            InvalidProblem: for a relative tolerance, and thresholds out of order.
            Unsupported: with antithetic paths, which are not independent.
        """
        check_request(problem, goal)
        given = None if thresholds is None else require_increasing(thresholds)
        if self.antithetic:
            raise Unsupported("a band needs independent paths: take MonteCarlo()")
        begin = time.perf_counter()
        sampler = self._sampler(of_loss(problem), goal, rng)
        try:
            points = sampled_tail(sampler, given)
        finally:
            sampler.pool.shutdown(cancel_futures=True)
        steps = scheme_lines(problem.model)
        cost = Cost(
            queries=sampler.paths,
            shots=sampler.paths,
            rounds=sampler.blocks,
            seconds=time.perf_counter() - begin,
        )
        return replace(points, cost=cost, covers="discretised" if steps else "continuous")

    def _sampler(self, problem: Problem, goal: Goal, rng: RNGLike) -> Sampler:
        workers = self.threads or _processors()
        self._require_block(problem, workers)
        return Sampler(
            problem=problem,
            goal=goal,
            rng=generator(rng),
            pool=ThreadPoolExecutor(workers),
            workers=workers,
            block=self.block,
            antithetic=self.antithetic,
            max_paths=self.max_paths,
        )

    def _method(self, problem: Problem) -> Callable[[Sampler], Sampled]:
        measure = problem.measure
        if isinstance(measure, Price | ExpectedLoss):
            return methods.mean
        if isinstance(measure, Sensitivity):
            return partial(greeks.sensitivity, method=self.greeks)
        name = type(measure).__name__
        for kind, method in _METHODS:
            if isinstance(measure, kind):
                if self.antithetic:
                    msg = (
                        f"MonteCarlo(antithetic=True) treats Price and ExpectedLoss, not {name}, "
                        "whose interval needs independent paths; take MonteCarlo()"
                    )
                    raise Unsupported(msg)
                return method
        msg = (
            f"MonteCarlo does not know the measure {name}: it treats Price, Probability, "
            "ExpectedLoss, VaR, ES, TailConditionalExpectation, EconomicCapital and Sensitivity"
        )
        raise Unsupported(msg)

    def _require_block(self, problem: Problem, workers: int) -> None:
        times = problem.contract.times
        floats = 3 * problem.num_factors + len(times) + 8
        what = f"{workers} blocks of {self.block:,} paths"
        memory.require(8.0 * floats * self.block * workers, what, "lower block= or threads=")


def _budget(problem: Problem, goal: Goal, sampled: Sampled) -> Budget:
    """The paths' line, what a step adds, and what a scheme leaves unknown."""
    share = 0.0 if sampled.kind == "exact" else 1.0 - goal.confidence
    half_width = sampled.interval.half_width - sum(line.amount for line in sampled.lines)
    line = BudgetLine("paths", sampled.kind, half_width, share, sampled.note)
    return Budget((line, *sampled.lines, *scheme_lines(problem.model)))


def _processors() -> int:
    """Processors this process may use; where the system does not say, all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
