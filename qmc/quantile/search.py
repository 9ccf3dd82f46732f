"""`QuantileSearch`: a model says where to look, evidence that needs no model says what is proved."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from qmc import checks
from qmc.problem import Array
from qmc.quantile import design, pilot
from qmc.quantile.bisection import narrow_enough, require_visible_tail
from qmc.quantile.evidence import Batch, Claim, angles, log_mixture, open_claim
from qmc.quantile.model import Model, Seen, begin
from qmc.quantile.protocols import (
    QuantileEstimate,
    QuantileTask,
    ThresholdReply,
    ThresholdRound,
)
from qmc.result import Guarantee, Interval, Status, status_for
from qmc.rounds import Round

_STAGE_SHOTS = 40
_TAILS_SHARE = 0.05  # of the error, for the intervals of the tails


@dataclass(frozen=True, kw_only=True, eq=False)
class SearchState:
    task: QuantileTask
    phase: str = "plain"
    asked: ThresholdRound | None = None
    spent: int = 0
    low: int = 0
    high: int = 0
    descent: pilot.Descent | None = None
    draws: tuple[pilot.Draws, ...] = ()
    model: Model | None = None
    claims: tuple[Claim, ...] = ()
    pair: design.Pair | None = None
    pairs: int = 0
    opened: int = 0
    error_left: float = 0.0
    bets: tuple[tuple[Batch, float], ...] = ()
    attempt: int = 0
    finished: bool = False
    status: Status = "interrupted"
    trace: tuple = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileSearch:
    plain: int = 100
    stage: int = 30
    locate: int = 3
    test: int = 2
    start: float = 0.7
    first: float = 0.75
    reopen: float = 0.6
    max_power: int = 2**20

    @property
    def guarantee(self) -> Guarantee:
        return "proved"

    def begin(self, task):
        bounds = angles(task.tail_probability, task.tail_bias)
        require_visible_tail(task.tail_probability, task.tail_bias)
        s = SearchState(task=task, high=task.edges.size - 1, error_left=(1 - task.goal.confidence) * (1 - _TAILS_SHARE))
        return replace(s, asked=ThresholdRound(0, Round(0, self.plain), True))

    def ask(self, s, rng):
        return () if s.finished else (s.asked,)

    def tell(self, s, rounds, replies):
        one, reply = rounds[0], replies[0]
        s = replace(s, spent=s.spent + one.queries)
        b = Batch(one.edge, 2 * one.round.power + 1, one.round.shots, reply.hits)
        if reply.cells:
            s = replace(s, draws=(*s.draws, pilot.Draws(one.edge, reply.cells)))
        tau, last = s.task.tail_probability, s.task.edges.size - 1
        if s.phase == "plain":
            d = pilot.after_plain(reply.cells, tau, last)
            s = replace(s, descent=d, phase="descend")
        elif s.phase == "descend":
            s = replace(s, descent=pilot.after_stage(s.descent, b, reply.cells, tau, last))
        else:
            s = self.learn(s, b, reply.cells)
        return self.go(s)

    def go(self, s):
        if s.phase == "descend":
            if not s.descent.done:
                return replace(s, asked=ThresholdRound(s.descent.edge, Round(pilot.stage_factor(s.descent.tail) // 2, self.stage), True))
            p = pilot.places(np.asarray(s.task.edges), s.descent, s.draws)
            at, wide = pilot.first_centre(p, s.descent, s.task.tail_probability)
            s = replace(s, model=begin(p, s.task.tail_probability, s.task.decay, (at, wide, 0.0, 0.6)), phase="locate", trace=(*s.trace, ("pilot", s.spent)))
        if s.phase == "locate":
            m = s.model
            v, h = self.target(s)
            rate = self.rate(s)
            if m.deviation / rate > self.start * h:
                j = m.nearest(m.centre)
                f = design.locating_factor(m.belief(j), 2 * self.max_power + 1, s.task.decay)
                return replace(s, asked=ThresholdRound(j, Round(f // 2, self.locate), s.task.readout))
            s = replace(s, phase="prove", trace=(*s.trace, ("located", s.spent)))
        return self.prove(s)

    def target(self, s):
        e = s.task.edges
        v = float(np.interp(s.model.centre, s.model.places[1:-1], e[1:-1]))
        return v, design.wanted_half_width(e, s.task.goal, v, math.inf)

    def rate(self, s):
        m, e = s.model, s.task.edges
        i = int(np.clip(np.searchsorted(m.places[1:-1], m.centre), 3, e.size - 5))
        return float((m.places[i + 3] - m.places[i - 2]) / (e[i + 3] - e[i - 2]))

    def prove(self, s):
        # proven?
        if narrow_enough(s.task.edges, s.task.goal)(s.low, s.high) or s.high - s.low == 1:
            return self.finish(s, "converged")
        bounds = angles(s.task.tail_probability, s.task.tail_bias)
        v, h = self.target(s)
        err = s.error_left * (self.first if s.pairs == 0 else 0.5)
        new = design.best_pair(s.model, s.task.edges, h, v, bounds, math.log(1 / err))
        if s.pair is not None:
            rest = self.rest(s, bounds)
            if s.low >= s.pair.low and s.high <= s.pair.high:
                return self.finish(s, "unresolved")
            if new is not None and (new.low, new.high) != (s.pair.low, s.pair.high) and new.cost < self.reopen * rest:
                s = replace(s, pair=None)
        if s.pair is None:
            if new is None:
                return self.finish(s, "unresolved")
            fresh = []
            for edge, above in ((new.low, True), (new.high, False)):
                if not any(c.edge == edge and c.above == above for c in s.claims):
                    fresh.append(open_claim(edge, above=above, boundary=bounds[1] if above else bounds[0], error=err))
            s = replace(s, pair=new, pairs=s.pairs + 1, claims=(*s.claims, *fresh), error_left=s.error_left - (err if fresh else 0), trace=(*s.trace, ("pair", s.spent, new.low, new.high, round(new.cost), round(new.wide, 2))))
        # choose claim
        c = max(self.open_claims(s), key=lambda c: self.cost(s, c, bounds))
        bd = bounds[1] if c.above else bounds[0]
        belief = s.model.belief(c.edge).side(bd, above=c.above)
        if belief is None:
            return self.finish(s, "unresolved")
        f = design.testing_factor(c, belief, bd, 2 * self.max_power + 1, s.task.decay)
        return replace(s, asked=ThresholdRound(c.edge, Round(f // 2, self.test), s.task.readout))

    def open_claims(self, s):
        return [c for c in s.claims if not c.proved and ((c.edge == s.pair.low and c.above and s.low < c.edge) or (c.edge == s.pair.high and not c.above and s.high > c.edge))]

    def cost(self, s, c, bounds):
        m = s.model
        th = m.mean_theta(np.array([c.edge]))[0]
        gap = max((th - bounds[1]) if c.above else (bounds[0] - th), 1e-9)
        return float(design.test_cost(gap, design.blur(m, th), float(c.missing.max())))

    def rest(self, s, bounds):
        return sum(self.cost(s, c, bounds) for c in self.open_claims(s))

    def learn(self, s, b, cells):
        m = s.model
        if s.phase == "prove":
            bounds = angles(s.task.tail_probability, s.task.tail_bias)
            out = []
            for c in s.claims:
                if c.edge == b.edge and not c.proved:
                    belief = m.belief(c.edge).side(bounds[1] if c.above else bounds[0], above=c.above)
                    from qmc.quantile.evidence import hit_chance
                    lq = log_mixture(hit_chance(belief.theta, b.factor, s.task.decay), belief.weights, b)
                    c = c.told(b, lq, s.task.decay)
                    s = replace(s, bets=(*s.bets, (b, lq)))
                    if c.proved:
                        s = replace(s, low=max(s.low, c.edge)) if c.above else replace(s, high=min(s.high, c.edge))
                out.append(c)
            s = replace(s, claims=tuple(out))
        cut = int(np.searchsorted(m.places, m.places[b.edge] + 0.5 / m.slope))
        cut = min(max(cut, b.edge + 1), m.places.size - 1)
        near = sum(c < cut for c in cells)
        return replace(s, model=m.told(Seen(b, cut, near, len(cells))))

    def finish(self, s, status):
        return replace(s, finished=True, status=status, asked=None, trace=(*s.trace, ("end", s.spent)))
