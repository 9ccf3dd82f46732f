"""Every option that stands for a field of a problem file, by group, and the commands' own.

>>> FLAGS["contract.high_strike"]
'--high-strike'
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qmc.cli import parsing
from qmc.cli.options import OUTPUT_PANEL, Option

_MARKET, _CONTRACT, _PORTFOLIO = "Market", "Option contract", "Portfolio"
_MEASURE, _ENGINE, _GOAL, _STUDY = "Measure", "Engines", "Goal", "Study"
_REPORT = "Risk report"
# the trade's words for the models of returns, and what each is in a file
METHODS = {
    "history": {"kind": "historical"},
    "filtered": {"kind": "filtered"},
    "garch": {"kind": "filtered", "filter": "garch"},
    "normal": {"kind": "normal"},
    "t": {"kind": "student-t"},
    # as `qmc backtest` and files have them
    "historical": {"kind": "historical"},
    "student-t": {"kind": "student-t"},
}
# written out, since the help must not import the classes; a test compares
_ESTIMATORS = (
    "adaptive bayesian canonical certified chebyshev faster iterative low-depth "
    "maximum-likelihood modified-iterative real-amplitude sampling"
)

# of `qmc backtest`; a test compares
_METHODS = "filtered history normal t ewma-normal ewma-t garch garch-asymmetric"

FILE = Option("file", Path, "FILE", OUTPUT_PANEL, "TOML problem file; options override it")
PLOT = Option("plot", Path, "DIR", OUTPUT_PANEL, "folder for PNG and SVG pictures")

PHYSICAL = Option(
    "physical", bool, "", _ENGINE, "physical qubits and runtime under error correction (prices)",
    is_flag=True,
)  # fmt: skip


_NEUTRAL = Option("market_neutral", bool, "", _PORTFOLIO, "weights may sum to 0", is_flag=True)


def _number(name: str, panel: str, text: str, path: str, default: str = "") -> Option:
    return Option(name, parsing.number, "NUMBER", panel, text, path, default=default)


def _whole(name: str, panel: str, text: str, path: str, default: str = "") -> Option:
    return Option(name, parsing.whole, "WHOLE", panel, text, path, default=default)


def _word(name: str, panel: str, text: str, path: str, words: str, default: str) -> Option:
    return Option(name, str, "WORD", panel, text, path, tuple(words.split()), default)


MARKET = (
    _number("spot", _MARKET, "price of the asset today", "model.spot"),
    _number("vol", _MARKET, "standard deviation per annum, 0.2 is 20 %", "model.vol"),
    _number("rate", _MARKET, "interest rate per annum, continuous", "model.rate", "0"),
    _number("dividend_yield", _MARKET, "per annum, continuous", "model.dividend_yield", "0"),
)
CONTRACT = (
    _word("contract", _CONTRACT, "what is priced", "contract.kind", "call put digital spread",
          "call"),
    _number("strike", _CONTRACT, "strike; the lower one of a spread", "contract.strike"),
    _number("high_strike", _CONTRACT, "upper strike of a spread", "contract.high_strike"),
    _number("expiry", _CONTRACT, "years to expiry", "contract.expiry"),
    _word("side", _CONTRACT, "where a digital pays", "contract.side", "call put", "call"),
    _word("pays", _CONTRACT, "what a digital pays", "contract.pays", "cash asset", "cash"),
    _number("cash", _CONTRACT, "amount of a cash digital", "contract.cash", "1"),
)  # fmt: skip
PORTFOLIO = (
    Option("prices", str, "FILE", _PORTFOLIO, "CSV or Parquet, dates x tickers", "model.prices",
           default="20 built-in stocks"),
    Option("tickers", parsing.names, "NAMES", _PORTFOLIO, "with commas", "model.tickers",
           default="all"),
    Option("start", str, "DATE", _PORTFOLIO, "first date of the built-in stocks", "model.start"),
    Option("end", str, "DATE", _PORTFOLIO, "last date of the built-in stocks", "model.end"),
    Option("window", parsing.window, "DAYS", _PORTFOLIO, "the last daily returns to use, or two "
           "dates, 2008-01-01:2009-12-31", "model.window", default="500"),
    _word("model", _PORTFOLIO, "of tomorrow's returns", "model.kind",
          "filtered historical normal student-t", "filtered"),
    _word("filter", _PORTFOLIO, "of filtered", "model.filter", "ewma garch", "ewma"),
    _number("decay", _PORTFOLIO, "of the filter ewma", "model.decay", "0.94"),
    _word("innovations", _PORTFOLIO, "of the filter garch", "model.innovations", "normal t", "t"),
    _word("covariance", _PORTFOLIO, "its estimator, of normal and student-t", "model.covariance",
          "sample denoised exponential gerber ledoit-wolf oas shrunk", "sample"),
    _word("tails", _PORTFOLIO, "of student-t", "model.tails", "given fitted", "given"),
    _number("degrees_of_freedom", _PORTFOLIO, "of student-t", "model.degrees_of_freedom", "4"),
    Option("weights", parsing.weights, "NUMBERS", _PORTFOLIO, "shares with commas, or a TOML file "
           "of [weights]", "contract.weights", default="equal"),
    replace(_NEUTRAL, path="contract.market_neutral"),
    _number("value", _PORTFOLIO, "of the portfolio", "contract.value", "1"),
    _whole("horizon", _PORTFOLIO, "in trading days", "contract.horizon_days", "1"),
)  # fmt: skip
METHOD = Option("method", str, "WORD", _PORTFOLIO, "the model by its usual name", None,
                tuple(METHODS))  # fmt: skip
RISK_REPORT = (
    Option("contributions", bool, "", _REPORT, "of each position to VaR and ES", is_flag=True),
    Option(
        "stressed",
        parsing.count,
        "DAYS",
        _REPORT,
        "VaR and ES of the worst so many days of all prices, by history",
    ),
    Option("scenarios", Path, "FILE", _REPORT, "CSV: profit in named scenarios of returns"),
)
THRESHOLD = _number("threshold", _MEASURE, "payoff to be exceeded", "measure.threshold")
GREEK = (
    _word("greek", _MEASURE, "which derivative of the price; implies --measure greek",
          "measure.greek", "delta gamma vega rho theta strike", ""),
    _number("step", _MEASURE, "of the difference quotient, a share of the parameter",
            "measure.step", "0.01, gamma 0.02"),
)  # fmt: skip
LEVEL = _number("level", _MEASURE, "0.99 is 99 %", "measure.level",
                "VaR, capital 0.99; ES, the mean beyond VaR 0.975")  # fmt: skip


def _measure(words: str, default: str) -> Option:
    return _word("measure", _MEASURE, "which number", "measure.kind", words, default)


PRICE_MEASURE = (_measure("price probability greek", "price"), THRESHOLD, *GREEK)
_TAILS = "var es both tail-conditional-expectation economic-capital"
RISK_MEASURE = (_measure(f"{_TAILS} expected-loss", "both"), LEVEL)
ANY_MEASURE = (
    _measure(f"price probability greek {_TAILS} expected-loss", "price or both"), THRESHOLD,
    *GREEK, LEVEL,
)  # fmt: skip
ENGINE = _word("engine", _ENGINE, "who solves", "run.engine", "quantum monte-carlo analytic all",
               "all")  # fmt: skip
QUANTUM = (
    _whole("qubits", _ENGINE, "of the grid", "quantum.qubits", "5 for prices, 8 for risk"),
    _word("grid", _ENGINE, "cells of the quantum engine", "quantum.grid", "factor law uniform",
          "the plan chooses"),
    _word("estimator", _ENGINE, "of the amplitude", "quantum.estimator", _ESTIMATORS,
          "the plan chooses"),
    _whole("max_power", _ENGINE, "largest power that the estimator asks for",
           "estimator.max_power", "the estimator's own"),
    Option("shots", parsing.shots, "NUMBERS", _ENGINE,
           "of one round of the estimator; certified takes several, with commas",
           "estimator.shots", default="the estimator's own"),
    _whole("shots_per_round", _ENGINE, "of sampling, which VaR and ES need there",
           "estimator.shots_per_round", "one round planned in advance"),
    _word("backend", _ENGINE, "runs the circuits", "quantum.backend", "aer ideal", "aer"),
)  # fmt: skip
SEED = _whole("seed", _ENGINE, "same seed and versions, same numbers", "run.seed")
CONFIDENCE = _number("confidence", _GOAL, "of the interval", "goal.confidence", "0.95")
GOAL = (
    _number("tolerance", _GOAL, "half-width of the interval, in money", "goal.tolerance"),
    _number("relative_tolerance", _GOAL, "the same as a share of the value",
            "goal.relative_tolerance", "0.01 for prices, 0.1 for risk"),
    _whole("queries", _GOAL, "the most queries (classical: paths) to spend", "goal.queries"),
    CONFIDENCE,
)  # fmt: skip
BUDGETS = Option("budgets", parsing.counts, "NUMBERS", _STUDY, "queries to spend, with commas",
                 default="1000,10000,100000")  # fmt: skip
SEEDS = Option("seeds", parsing.count, "WHOLE", _STUDY, "runs of each engine and budget",
               default="10")  # fmt: skip

BACKTEST = (
    Option("prices", Path, "FILE", _PORTFOLIO, "CSV or Parquet, dates x assets",
           default="20 built-in stocks"),
    Option("weights", Path, "FILE", _PORTFOLIO, "TOML, a table weights of name = number",
           default="equal"),
    _NEUTRAL,
    Option("method", str, "WORD", _STUDY, "of the forecasts, several times for several; filtered "
           "and garch filter the portfolio's losses, where qmc risk filters asset by asset",
           words=tuple(_METHODS.split()), default="filtered", is_repeated=True),
    Option("level", parsing.number, "NUMBER", _STUDY, "of VaR", default="0.99"),
    Option("es_level", parsing.number, "NUMBER", _STUDY, "of ES", default="0.975"),
    Option("window", parsing.whole, "WHOLE", _STUDY, "days before each day that a forecast is of",
           default="500; garch 1000"),
    Option("simulations", parsing.whole, "WHOLE", _STUDY,
           "histories of the p-values of Z1 to Z3, >= 100, or 0 for none", default="2000"),
    Option("seed", parsing.seed, "WHOLE", _STUDY, "of the simulations"),
)  # fmt: skip

OPTIONS = (
    *MARKET, *CONTRACT, *PORTFOLIO, *ANY_MEASURE, ENGINE, *QUANTUM, SEED, *GOAL,
)  # fmt: skip
FLAGS = {one.path: one.flag for one in OPTIONS}
