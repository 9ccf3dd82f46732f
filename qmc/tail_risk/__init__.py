"""Measures of a loss's tail by amplitude estimation: each looks for a quantile first."""

from qmc.tail_risk.common import locate
from qmc.tail_risk.curve import tail_points
from qmc.tail_risk.measures import tail_answer
from qmc.tail_risk.thresholds import require_early_reading, require_no_search

__all__ = ["locate", "require_early_reading", "require_no_search", "tail_answer", "tail_points"]
