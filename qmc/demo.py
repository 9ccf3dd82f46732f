"""The main job on real market data: an option, a portfolio's risk, convergence, and a report.

Each task solves one problem three ways (exactly, by Monte Carlo on paths, by amplitude estimation
on Aer) and says who needed fewer queries and fewer seconds for the same half-width.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from qmc import data
from qmc.contracts import Call, Portfolio
from qmc.convergence import ConvergenceTable, convergence
from qmc.data_error import DataError, data_error
from qmc.engine import Quantum
from qmc.explain import budget_table
from qmc.grids import LawGrid
from qmc.measures import ES, Price, VaR
from qmc.models import BlackScholes, FilteredReturns
from qmc.plots import plot_losses
from qmc.problem import Array, Goal, Problem
from qmc.report import (
    Solved,
    Verdict,
    compare,
    convergence_table,
    describe_measure,
    intervals_figure,
    machine,
    misses,
    render_html,
    results_table,
    save_figure,
)
from qmc.result import Result
from qmc.tables import TextTable

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

TICKER = "AAPL"
EXPIRY = 0.25
# the data hold no rates: three-month US Treasury bills stood near this at their last date
RATE = 0.04
WINDOW = 500
VALUE = 1_000_000.0
VAR_LEVEL = 0.99
ES_LEVEL = 0.975
_TITLE = "qmc: quantum Monte Carlo on real market data"
_INTRODUCTION = (
    "Prices are the 20 US stocks that the package skfolio ships. Each number is found three ways: "
    "exactly, by classical Monte Carlo on sampled paths, and by amplitude estimation with real "
    "circuits and real shots on the Aer simulator. A simulator shows how the estimators behave, "
    "not an advantage: whoever fills a table of cells could add it up classically."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much work the demo does."""

    price_qubits: int
    price_goal: Goal
    risk_qubits: int
    risk_goal: Goal
    convergence_qubits: int
    budgets: tuple[int, ...]
    seeds: int


FULL = Sizes(
    price_qubits=5,
    price_goal=Goal(relative_tolerance=0.005),
    risk_qubits=8,
    risk_goal=Goal(relative_tolerance=0.05),
    convergence_qubits=3,
    budgets=(500, 2_000, 8_000, 32_000),
    seeds=15,
)
QUICK = Sizes(
    price_qubits=3,
    price_goal=Goal(relative_tolerance=0.02),
    risk_qubits=6,
    risk_goal=Goal(relative_tolerance=0.15),
    convergence_qubits=3,
    budgets=(500, 2_000),
    seeds=5,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A saved picture: file name without ending, and what it shows in words."""

    name: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One task of the demo: what was asked, and everything found."""

    title: str
    text: str
    tables: tuple[TextTable, ...]
    pictures: tuple[Picture, ...]
    verdicts: tuple[Verdict, ...] = ()
    solved: tuple[Solved, ...] = ()

    def renderables(self) -> Iterator[RenderableType]:
        """What the screen shows of it."""
        from rich.text import Text

        yield Text(f"\n{self.title}", style="bold")
        yield Text(self.text)
        yield from self.tables
        yield from (Text(str(verdict), style="bold") for verdict in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All sections, and the folder where the report and its pictures are."""

    folder: Path
    seed: int
    quick: bool
    sections: tuple[Section, ...]
    table: ConvergenceTable
    data_error: DataError

    @property
    def solved(self) -> tuple[Solved, ...]:
        """Every result of the first tasks, in order."""
        return tuple(one for section in self.sections for one in section.solved)

    def renderables(self) -> Iterator[RenderableType]:
        """What the screen shows."""
        for section in self.sections:
            yield from section.renderables()
        yield f"\n{self.calibration}"

    @property
    def calibration(self) -> str:
        """How many intervals miss, and how many would by design."""
        sampled = [one for one in self.solved if one.engine != "analytic"]
        missed, confidence = misses(self.solved), FULL.price_goal.confidence
        return (
            f"{len(sampled) - missed} of {len(sampled)} intervals contain the exact value; a "
            f"{100.0 * confidence:g} % interval may miss {100.0 * (1.0 - confidence):g} % of the "
            "time, and another --seed gives other samples."
        )

    def to_dict(self) -> dict[str, Any]:
        """A JSON-able dict: results, convergence rows, seed, machine."""
        return {
            "seed": self.seed,
            "quick": self.quick,
            "report": str(self.folder / "index.html"),
            "results": [
                {"engine": one.engine, "result": one.result.to_dict()} for one in self.solved
            ],
            "data_error": self.data_error.to_dict(),
            "convergence": self.table.to_frame().to_dict("records"),
            "machine": machine(),
        }


def run_demo(
    folder: Path,
    *,
    seed: int = 7,
    quick: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Outcome:
    """Solve the three tasks and write the report.

    Args:
        folder: is made; receives index.html and a PNG and an SVG of each picture.
        seed: of every engine.
        quick: smaller sizes, for a first look.
        tell: is called with the name of each step as it begins; None for silence.

    Raises:
        Unsupported: when skfolio, which ships the prices, is not installed.
        OSError: when the folder cannot be written.
        KeyboardInterrupt: when stopped; no report is written of half a demo.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sizes = QUICK if quick else FULL
    tell = tell or _silence
    tell("reading prices")
    prices = data.sp500_stocks()
    tell(f"pricing a call on {TICKER}")
    first = _option_section(prices, sizes, folder, seed)
    tell(f"value at risk and expected shortfall of {prices.shape[1]} stocks")
    unknown = risk_data_error(prices, seed)
    second = _risk_section(prices, sizes, folder, seed, unknown)
    tell(f"convergence: {len(sizes.budgets)} budgets, {sizes.seeds} seeds")
    table = _converge(option_problem(option_market(prices)), sizes, seed)
    third = _convergence_section(table, sizes, folder)
    outcome = Outcome(
        folder=folder,
        seed=seed,
        quick=quick,
        sections=(first, second, third),
        table=table,
        data_error=unknown,
    )
    tell("writing the report")
    _write_report(outcome)
    return outcome


def _silence(step: str) -> None:
    """Drop the name of a step."""


def option_market(prices: pd.DataFrame) -> BlackScholes:
    """Spot and volatility of the demo's stock from prices (dates, tickers)."""
    spot = float(prices[TICKER].iloc[-1])
    return BlackScholes(spot=spot, vol=data.annualised_volatility(prices, TICKER), rate=RATE)


def option_problem(market: BlackScholes) -> Problem:
    """The price of a three-month at-the-money call."""
    return Problem(market, Call(strike=market.spot, expiry=EXPIRY), Price())


def risk_problems(model: FilteredReturns, stocks: int) -> tuple[Problem, ...]:
    """One-day VaR and ES of the equal-weight portfolio of that many stocks."""
    portfolio = Portfolio(weights=(1.0 / stocks,) * stocks, value=VALUE)
    measures = (VaR(level=VAR_LEVEL), ES(level=ES_LEVEL))
    return tuple(Problem(model, portfolio, measure) for measure in measures)


def risk_data_error(prices: pd.DataFrame, seed: int) -> DataError:
    """How far VaR and ES move with the history that they are read from."""
    returns = data.simple_returns(prices, WINDOW)
    return data_error(
        returns,
        Portfolio(weights=(1.0 / prices.shape[1],) * prices.shape[1], value=VALUE),
        lambda days: FilteredReturns(returns=days),
        (VaR(level=VAR_LEVEL), ES(level=ES_LEVEL)),
        rng=seed,
    )


def _solve(problem: Problem, quantum: Quantum, goal: Goal, seed: int) -> tuple[Solved, ...]:
    from classical_baseline import Analytic, MonteCarlo

    engines = (("analytic", Analytic()), ("monte-carlo", MonteCarlo()), ("quantum", quantum))
    solved = tuple(Solved(name, engine.solve(problem, goal, rng=seed)) for name, engine in engines)
    if any(one.result.status == "interrupted" for one in solved):
        raise KeyboardInterrupt
    return solved


def _option_section(prices: pd.DataFrame, sizes: Sizes, folder: Path, seed: int) -> Section:
    market = option_market(prices)
    volatility = data.annualised_volatility(prices, TICKER)
    quantum = Quantum(grid=LawGrid(qubits=sizes.price_qubits))
    solved = _solve(option_problem(market), quantum, sizes.price_goal, seed)
    return Section(
        title=f"1. A three-month at-the-money call on {TICKER}",
        text=(
            f"Spot {market.spot:.2f} on {prices.index[-1].date()}; volatility "
            f"{100.0 * volatility:.1f} % per annum from the last 252 daily log returns; rate "
            f"{100.0 * RATE:g} %, assumed; no dividend yield, since the prices are adjusted "
            f"for dividends. Asked for {_asked(sizes.price_goal)}."
        ),
        tables=(results_table(solved, "Price of one call"), *map(budget_table, _sampled(solved))),
        verdicts=(compare(solved[-1].result, solved[-2].result),),
        pictures=(_intervals_picture(solved, folder, "price"),),
        solved=solved,
    )


def _risk_section(
    prices: pd.DataFrame, sizes: Sizes, folder: Path, seed: int, unknown: DataError
) -> Section:
    model = FilteredReturns(returns=data.simple_returns(prices, WINDOW))
    problems = risk_problems(model, prices.shape[1])
    quantum = Quantum(grid=LawGrid(qubits=sizes.risk_qubits))
    groups = [_solve(problem, quantum, sizes.risk_goal, seed) for problem in problems]
    solved = tuple(one for group in groups for one in group)
    pictures = [_intervals_picture(group, folder, _file_name(group)) for group in groups]
    losses = -np.array(model.value_law(problems[0].contract).samples)
    return Section(
        title=f"2. One-day risk of an equal-weight portfolio of {prices.shape[1]} stocks",
        text=(
            f"Value {VALUE:,.0f}; the last {WINDOW} daily returns to {prices.index[-1].date()}, "
            f"each scaled from the volatility of its day to today's (EWMA, decay {model.decay:g}); "
            "every scenario equally likely. A loss is positive. Asked for "
            f"{_asked(sizes.risk_goal)}. {unknown.sentence}"
        ),
        tables=(
            results_table(solved, "One-day value at risk and expected shortfall"),
            unknown.table(),
            *(budget_table(result) for group in groups for result in _sampled(group)),
        ),
        verdicts=tuple(compare(group[-1].result, group[-2].result) for group in groups),
        pictures=(*pictures, _losses_picture(losses, solved, folder)),
        solved=solved,
    )


def _file_name(solved: Sequence[Solved]) -> str:
    return type(solved[0].result.provenance.problem.measure).__name__.lower()


def _sampled(solved: Sequence[Solved]) -> tuple[Result, ...]:
    return tuple(one.result for one in solved if one.engine != "analytic")


def _asked(goal: Goal) -> str:
    share = 100.0 * (goal.relative_tolerance or 0.0)
    return f"a {100.0 * goal.confidence:g} % interval of half-width {share:g} % of the value"


def _intervals_picture(solved: Sequence[Solved], folder: Path, name: str) -> Picture:
    save_figure(intervals_figure(solved), folder, name)
    exact, classical, quantum = (one.result for one in solved)
    alt = (
        f"{describe_measure(exact)}: exact {exact.value:,.6g}; Monte Carlo interval "
        f"{classical.interval.low:,.6g} to {classical.interval.high:,.6g}; quantum interval "
        f"{quantum.interval.low:,.6g} to {quantum.interval.high:,.6g}."
    )
    return Picture(name, alt)


def _losses_picture(losses: Array, solved: Sequence[Solved], folder: Path) -> Picture:
    # only the exact values: the picture shows the law, not an estimate
    marks = [(describe_measure(o.result), o.result.value) for o in solved if o.engine == "analytic"]
    save_figure(plot_losses(losses, marks), folder, "losses")
    named = " and ".join(f"{name} at {value:,.0f}" for name, value in marks)
    return Picture("losses", f"Histogram of the losses in {losses.size} scenarios, {named}.")


def _converge(problem: Problem, sizes: Sizes, seed: int) -> ConvergenceTable:
    from classical_baseline import Analytic, MonteCarlo

    quantum = Quantum(grid=LawGrid(qubits=sizes.convergence_qubits))
    seeds = tuple(range(seed, seed + sizes.seeds))
    table = convergence(
        problem, (quantum, MonteCarlo()), sizes.budgets, seeds, reference=Analytic()
    )
    if table.interrupted:
        raise KeyboardInterrupt
    return table


def _convergence_section(table: ConvergenceTable, sizes: Sizes, folder: Path) -> Section:
    save_figure(table.plot(), folder, "convergence")
    name = table.problems[0]
    slopes = {engine: table.slope(name, engine) for engine in table.engines(name)}
    sentence = "; ".join(
        f"{engine} {slope.value:.2f} (95 % interval {slope.interval.low:.2f} to "
        f"{slope.interval.high:.2f})"
        for engine, slope in slopes.items()
    )
    alt = f"Error against queries, log-log. Fitted slopes: {sentence}."
    return Section(
        title="3. Convergence: amplitude estimation on Aer against Monte Carlo",
        text=(
            f"The call of task 1 on {sizes.convergence_qubits} grid qubits, {sizes.seeds} seeds a "
            "budget. Plain sampling falls with slope -1/2 in queries, ideal amplitude estimation "
            f"with -1. Fitted slopes of the 95th-percentile error: {sentence}."
        ),
        tables=(convergence_table(table),),
        pictures=(Picture("convergence", alt),),
    )


def _write_report(outcome: Outcome) -> Path:
    path = outcome.folder / "index.html"
    context = {
        "title": _TITLE,
        "introduction": _INTRODUCTION,
        "calibration": outcome.calibration,
        "sections": outcome.sections,
        "seed": outcome.seed,
        "quick": outcome.quick,
        "machine": machine(),
    }
    path.write_text(render_html(context), encoding="utf-8")
    return path
