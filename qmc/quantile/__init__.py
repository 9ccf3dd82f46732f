"""Searches for a quantile among the edges of a grid: they ask for threshold rounds and are told."""

from qmc.quantile.bisection import (
    Bracket,
    ThresholdTest,
    find_bracket,
    interpolate,
    max_tests,
    narrow_enough,
    require_visible_tail,
    resolution,
    tie_resolution,
    wanted_width,
)
from qmc.quantile.protocols import (
    QuantileEstimate,
    QuantileTask,
    ThresholdReply,
    ThresholdRound,
    ThresholdSearch,
)

__all__ = [
    "Bracket",
    "QuantileEstimate",
    "QuantileTask",
    "ThresholdReply",
    "ThresholdRound",
    "ThresholdSearch",
    "ThresholdTest",
    "find_bracket",
    "interpolate",
    "max_tests",
    "narrow_enough",
    "require_visible_tail",
    "resolution",
    "tie_resolution",
    "wanted_width",
]
