"""Searches for a quantile among the edges of a grid: they ask for threshold rounds and are told."""

from qmc.quantile.bisection import Bisection
from qmc.quantile.brackets import (
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
from qmc.quantile.driver import RunsThresholds, run_search
from qmc.quantile.protocols import (
    QuantileEstimate,
    QuantileTask,
    ThresholdReply,
    ThresholdRound,
    ThresholdSearch,
)
from qmc.quantile.search import QuantileSearch

__all__ = [
    "Bisection",
    "Bracket",
    "QuantileEstimate",
    "QuantileSearch",
    "QuantileTask",
    "RunsThresholds",
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
    "run_search",
    "tie_resolution",
    "wanted_width",
]
