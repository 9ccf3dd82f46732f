"""`calibrate`: how fast a backend's errors take the visibility of A Q^k, with an interval."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.backends.answers import hits_of, made_oracle
from qmc.backends.protocols import Backend
from qmc.circuits.amplitude_problem import AmplitudeProblem
from qmc.errors import InvalidProblem
from qmc.problem import Array
from qmc.result import Interval
from qmc.rng import RNGLike, generator
from qmc.rounds import Round

POWERS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 16)
SHOTS = 4_000
# a start of the search for every so many angles within one swing of the largest power
_ANGLES_A_SWING = 8
_DECAYS = np.concatenate([[0.0], np.geomspace(1e-4, 2.0, 20)])
_CONTRASTS = np.array([0.25, 0.5, 0.7, 0.85, 0.95, 1.0])
_MOST_DECAY = 5.0
_STARTS = 2
_LEAST_SEEN = 5.0  # of hits and of misses, at most powers: normal intervals need them
# an interval from none to a loss of half at every power says nothing
_UNTOLD = math.log(2.0)
_TINY = 1e-12
_STEP = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Visibility of A Q^k on a backend: P(flag) = 1/2 + contrast exp(-decay k) (ideal - 1/2).

    Give `decay` to the backend, `Aer(noise=..., decay=calibration.decay)`, and estimators are told
    it. They know no contrast: what A's own errors and the readout take at power 0 shifts P(flag)
    by up to (1 - contrast) / 2 towards 1/2 at every power, so intervals much narrower than that
    are not to be trusted. `corrected` undoes it for a probability at power 0, which is all that
    `Sampling` needs; counts of hits cannot be undone, they would not be binomial.

    Attributes:
        decay: visibility lost per power.
        interval: of the decay, by the expected Fisher information (asymptotic), not below 0.
        contrast: visibility at power 0, from 0 to 1.
        contrast_interval: of the contrast, not beyond 0 and 1.
        amplitude: of A without noise, fitted or as given.
        fit: probability of a worse fit if the law above holds (Pearson's chi-square); near 0 says
            that the errors are not of this form.
        powers, shots, hits: what was run and seen; shots of each power.
    """

    decay: float
    interval: Interval
    contrast: float
    contrast_interval: Interval
    amplitude: float
    fit: float
    powers: tuple[int, ...]
    shots: int
    hits: tuple[int, ...]

    @property
    def queries(self) -> int:
        """Uses of A or its inverse that the calibration took."""
        return sum(Round(power, self.shots).queries for power in self.powers)

    def probability(self, amplitude: float, power: int) -> float:
        """P(flag = 1) that this calibration expects of an amplitude in [0, 1] at a power >= 0."""
        theta = math.asin(math.sqrt(_checked_amplitude(amplitude)))
        power = checks.whole("power", power, 0)
        return float(_law(np.array([theta, self.decay, self.contrast]), np.array([power]))[0])

    def corrected(self, probability: float) -> float:
        """The amplitude behind P(flag = 1) at power 0: 1/2 + (p - 1/2) / contrast, in [0, 1]."""
        checks.finite("probability", probability)
        return min(max(0.5 + (probability - 0.5) / self.contrast, 0.0), 1.0)


def calibrate(
    backend: Backend,
    problem: AmplitudeProblem,
    *,
    amplitude: float | None = None,
    powers: Sequence[int] = POWERS,
    shots: int = SHOTS,
    confidence: float = 0.95,
    rng: RNGLike = None,
) -> Calibration:
    """Run A Q^k at several powers and fit decay, contrast and the angle by maximum likelihood.

    The model is that of depolarizing noise, visibility exp(-decay k) about 1/2 (Vovrosh et al.
    2021, arXiv:2101.01690; for amplitude estimation Tanaka et al. 2021, arXiv:2006.16223), times a
    contrast for what A itself and the readout lose. The circuits are those of
    `problem`, not steered: a steer's ancilla adds a few gates and so a little more decay.

    Args:
        backend: to measure; its own `decay` plays no part.
        problem: whose circuits are run; the same kind as those to be estimated.
        amplitude: noise-free amplitude where known, in [0, 1]; else it is fitted too.
        powers: different, >= 0; at least 4, or 3 with a known amplitude.
        shots: of each power.
        confidence: of the intervals.
        rng: of the shots.

    Raises:
        InvalidProblem: for no backend, for powers that are too few or not different, or where the
            hits do not tell the decay: its interval reaches from 0 to a loss of half of the
            visibility at every power, log 2, or further.
        BackendFailed: when the backend fails.

    >>> from qmc.backends import Ideal, calibrate
    >>> from qmc import BlackScholes, Call, Price, Problem, Quantum
    >>> market = BlackScholes(spot=100.0, vol=0.20, rate=0.05)
    >>> problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    >>> found = calibrate(Ideal(), Quantum().amplitude_problem(problem), rng=1)
    >>> found.interval.contains(0.0), found.contrast_interval.contains(1.0)
    (True, True)
    """
    checks.interface("backend", backend, Backend, "such as Aer(noise=...)")
    asked = _checked_powers(powers, 4 if amplitude is None else 3)
    shots = checks.whole("shots", shots, 1)
    confidence = checks.fraction("confidence", confidence)
    theta = None if amplitude is None else math.asin(math.sqrt(_checked_amplitude(amplitude)))
    oracle = made_oracle(backend, problem, generator(rng))
    hits = hits_of(oracle, [Round(power, shots) for power in asked])
    found = _fit(np.array(asked), np.array(hits), shots, theta)
    decay, contrast = _intervals(found, np.array(asked), shots, confidence, theta is not None)
    return Calibration(
        decay=float(found[1]),
        interval=decay,
        contrast=float(found[2]),
        contrast_interval=contrast,
        amplitude=math.sin(found[0]) ** 2,
        fit=_goodness(found, np.array(asked), np.array(hits), shots, 3 - (theta is not None)),
        powers=asked,
        shots=shots,
        hits=tuple(hits),
    )


def checked_decay(decay: float) -> float:
    """A visibility lost per power, 0 or above, that a backend is told."""
    value = checks.finite("decay", decay)
    if value < 0.0:
        raise checks.refuse("decay", decay, "0 or above", "`calibrate` measures it")
    return value


def _checked_powers(powers: Sequence[int], least: int) -> tuple[int, ...]:
    allowed, hint = f"at least {least} different powers", "such as (0, 1, 2, 4, 8)"
    if isinstance(powers, str) or not isinstance(powers, Iterable):
        raise checks.refuse("powers", powers, allowed, hint)
    asked = tuple(checks.whole(f"powers[{i}]", power, 0) for i, power in enumerate(powers))
    if twice := sorted(power for power, times in Counter(asked).items() if times > 1):
        hint = f"{twice} came more than once: give each once, and more shots"
        raise checks.refuse("powers", asked, "different", hint)
    if len(asked) < least:
        raise checks.refuse("powers", asked, allowed, hint)
    return asked


def _checked_amplitude(amplitude: float) -> float:
    value = checks.finite("amplitude", amplitude)
    if not 0.0 <= value <= 1.0:
        raise checks.refuse("amplitude", amplitude, "from 0 to 1")
    return value


def _law(parameters: Array, powers: Array) -> Array:
    """P(flag) of (angle, decay, contrast): parameters (..., 3), powers (m,) -> (..., m)."""
    theta, decay, contrast = (parameters[..., i, None] for i in range(3))
    swing = -0.5 * np.cos((4.0 * powers + 2.0) * theta)
    return np.asarray(0.5 + contrast * np.exp(-decay * powers) * swing)


def _loss(parameters: Array, powers: Array, hits: Array, shots: int) -> Array:
    """Minus the log-likelihood, (...,)."""
    p = np.clip(_law(parameters, powers), _TINY, 1.0 - _TINY)
    return np.asarray(-(hits * np.log(p) + (shots - hits) * np.log1p(-p)).sum(axis=-1))


def _fit(powers: Array, hits: Array, shots: int, theta: float | None) -> Array:
    """(angle, decay, contrast) of the largest likelihood: a grid, then its best points polished."""
    from scipy.optimize import minimize

    count = _ANGLES_A_SWING * (2 * int(powers.max()) + 1)
    angles = (np.arange(count) + 0.5) * (0.5 * math.pi / count)
    if theta is not None:
        angles = np.array([theta])
    axes = np.meshgrid(angles, _DECAYS, _CONTRASTS, indexing="ij")
    grid = np.stack(axes, axis=-1).reshape(-1, 3)
    best = grid[np.argsort(_loss(grid, powers, hits, shots))[:_STARTS]]
    low, high = (0.0, 0.5 * math.pi) if theta is None else (theta, theta)
    # a contrast of 0 would leave nothing to fit
    bounds = [(low, high), (0.0, _MOST_DECAY), (0.01, 1.0)]
    loss = lambda parameters: float(_loss(parameters, powers, hits, shots))  # noqa: E731
    ends = [minimize(loss, start, method="L-BFGS-B", bounds=bounds) for start in best]
    return np.asarray(min(ends, key=lambda end: end.fun).x)


def _intervals(
    found: Array, powers: Array, shots: int, confidence: float, known: bool
) -> tuple[Interval, Interval]:
    """Of decay and contrast: normal, with the inverse of the expected Fisher information."""
    from scipy.special import ndtri

    chances = _law(found, powers)
    if np.mean(shots * np.minimum(chances, 1.0 - chances) < _LEAST_SEEN) > 0.5:
        hint = "take a problem of another amplitude, or more shots"
        given = math.sin(float(found[0])) ** 2
        raise checks.refuse("amplitude", given, "further from 0 and 1 to calibrate on", hint)
    steps = _STEP * np.eye(3)
    slopes = (_law(found + steps, powers) - _law(found - steps, powers)) / (2.0 * _STEP)
    p = np.clip(_law(found, powers), _TINY, 1.0 - _TINY)
    free = slopes[1:] if known else slopes
    information = shots * (free / (p * (1.0 - p))) @ free.T
    if np.linalg.matrix_rank(information) < len(free):
        msg = "powers: these hits do not tell decay from amplitude; take more powers and shots"
        raise InvalidProblem(msg)
    errors = np.sqrt(np.diag(np.linalg.inv(information)))[-2:]
    reach = (float(ndtri(0.5 + 0.5 * confidence)) * errors).tolist()
    decay, contrast = float(found[1]), float(found[2])
    if reach[0] > decay and decay + reach[0] > _UNTOLD:
        msg = (
            f"these hits do not tell the decay: {decay:.3g} in [0, {decay + reach[0]:.3g}], "
            "none or half of the visibility and more at every power; take more shots, smaller "
            "powers, a smaller circuit, or weaker noise"
        )
        raise InvalidProblem(msg)
    return (
        Interval(max(decay - reach[0], 0.0), decay + reach[0], confidence),
        Interval(max(contrast - reach[1], 0.0), min(contrast + reach[1], 1.0), confidence),
    )


def _goodness(found: Array, powers: Array, hits: Array, shots: int, free: int) -> float:
    """Probability of a larger chi-square; nan where no power is left over."""
    from scipy.special import chdtrc

    spare = len(powers) - free
    if spare < 1:
        return math.nan
    p = np.clip(_law(found, powers), _TINY, 1.0 - _TINY)
    square = ((hits - shots * p) ** 2 / (shots * p * (1.0 - p))).sum()
    return float(chdtrc(spare, square))
