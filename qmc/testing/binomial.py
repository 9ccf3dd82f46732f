"""Binomial numbers in place of a circuit, and the rule by which coverage is tested."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.special import bdtr

from qmc import checks
from qmc.rng import RNGLike, generator
from qmc.rounds import PhaseRound, Round, draw_hits, draw_phases


class BinomialOracle:
    """An oracle of binomial numbers: the law of a circuit with this amplitude, no circuit.

    Attributes:
        amplitude: in [0, 1].
        decay: visibility exp(-decay * power).
        queries: 2k+1 a shot at power k, 2^(bits + 1) - 1 a phase shot, summed over all run.

    >>> oracle = BinomialOracle(1.0)
    >>> oracle.run([Round(0, 10)]), oracle.queries
    ((10,), 10)
    """

    def __init__(self, amplitude: float, *, rng: RNGLike = None, decay: float = 0.0) -> None:
        """Refuse an amplitude outside [0, 1] and a negative decay."""
        self.amplitude = checks.finite("amplitude", amplitude)
        self.decay = checks.finite("decay", decay)
        if not 0.0 <= self.amplitude <= 1.0:
            raise checks.refuse("amplitude", amplitude, "from 0 to 1")
        if self.decay < 0.0:
            raise checks.refuse("decay", decay, "0 or above")
        self.queries = 0
        self._rng = generator(rng)

    def run(self, rounds: Sequence[Round]) -> tuple[int, ...]:
        """Hits, one a round, each Binomial(shots, hit_probability)."""
        hits = []
        for each in rounds:
            hits.append(draw_hits(self.amplitude, each, self._rng, self.decay))
            self.queries += each.queries
        return tuple(hits)

    def phases(self, bits: int, shots: int) -> tuple[int, ...]:
        """Outcomes of a phase register, one a shot, from `qmc.rounds.phase_probabilities`."""
        self.queries += PhaseRound(bits, shots).queries
        return draw_phases(self.amplitude, bits, shots, self._rng, self.decay)


def assert_coverage(hits: int, n: int, p: float, *, tests: int = 1) -> None:
    """Fail when P(Binomial(n, p) <= hits) < 1e-3 / tests.

    Args:
        hits: runs whose interval contained the truth.
        n: runs.
        p: nominal confidence.
        tests: number of such tests in the suite.

    >>> assert_coverage(927, 1_000, 0.95)
    """
    n = checks.whole("n", n, 1)
    hits = checks.whole("hits", hits, 0, n)
    chance = float(bdtr(hits, n, checks.fraction("p", p)))
    limit = 1e-3 / checks.whole("tests", tests, 1)
    assert chance >= limit, (
        f"covered {hits} of {n} = {hits / n:.4f}, nominal {p}: as few has probability "
        f"{chance:.2g} < {limit:.2g}"
    )
