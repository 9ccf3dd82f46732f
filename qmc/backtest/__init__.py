"""Back-tests: rolling forecasts of VaR and ES without look-ahead, and tests of them.

`backtest(returns, weights, forecasters)` makes the table; its parts are public: forecasters,
`rolling`, `require_no_look_ahead`, and the tests `kupiec`, `independence`, `christoffersen`,
`traffic_light` and `acerbi_szekely`.
"""

from qmc.backtest.assessment import BacktestRow, assess, quantile_loss
from qmc.backtest.coverage import (
    ForecastTest,
    TrafficLight,
    christoffersen,
    independence,
    kupiec,
    most_breaches,
    traffic_light,
)
from qmc.backtest.forecasters import FilteredHistorical, Forecaster, Historical, OwnForecast
from qmc.backtest.forecasts import Forecasts, portfolio_losses, rolling
from qmc.backtest.garch import GarchFiltered
from qmc.backtest.laws import PredictiveLaws, SampleLaws, ScaledLaws
from qmc.backtest.look_ahead import require_no_look_ahead
from qmc.backtest.parametric import EwmaNormal, EwmaStudentT, NormalForecast, StudentTForecast
from qmc.backtest.report import Backtest, backtest
from qmc.backtest.shortfall import acerbi_szekely

__all__ = [
    "Backtest",
    "BacktestRow",
    "EwmaNormal",
    "EwmaStudentT",
    "FilteredHistorical",
    "ForecastTest",
    "Forecaster",
    "Forecasts",
    "GarchFiltered",
    "Historical",
    "NormalForecast",
    "OwnForecast",
    "PredictiveLaws",
    "SampleLaws",
    "ScaledLaws",
    "StudentTForecast",
    "TrafficLight",
    "acerbi_szekely",
    "assess",
    "backtest",
    "christoffersen",
    "independence",
    "kupiec",
    "most_breaches",
    "portfolio_losses",
    "quantile_loss",
    "require_no_look_ahead",
    "rolling",
    "traffic_light",
]
