"""The command `qmc`: data to stdout, progress and errors to stderr, an exit code that means it.

Exit codes: 0 done, 1 failed, 2 usage or specification, 3 goal not reached (the result is still
printed), 130 interrupted. Heavy modules are imported inside the commands, so help is quick.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from qmc.errors import BackendFailed, InvalidProblem, NotConverged, QmcError, TooLarge

if TYPE_CHECKING:
    from rich.console import Console

    from qmc.report import Solved
    from qmc.specification import Specification

OK, FAILED, USAGE, NOT_REACHED, INTERRUPTED = 0, 1, 2, 3, 130
_WIDTH = 118

app = typer.Typer(
    help="Quantum Monte Carlo prices and risk, with intervals that contain the true number.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or specification, 3 goal not reached, "
    "130 interrupted.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


class ContractKind(str, Enum):
    """Contracts of `qmc price`."""

    CALL = "call"
    PUT = "put"
    DIGITAL = "digital"
    SPREAD = "spread"


class ModelKind(str, Enum):
    """Models of returns of `qmc risk`."""

    FILTERED = "filtered"
    HISTORICAL = "historical"
    NORMAL = "normal"
    STUDENT_T = "student-t"


class MeasureKind(str, Enum):
    """Measures of `qmc risk`."""

    VAR = "var"
    ES = "es"
    BOTH = "both"


class EngineKind(str, Enum):
    """Engines."""

    QUANTUM = "quantum"
    MONTE_CARLO = "monte-carlo"
    ANALYTIC = "analytic"
    ALL = "all"


class BackendKind(str, Enum):
    """Backends of the quantum engine."""

    AER = "aer"
    IDEAL = "ideal"


_Float: TypeAlias = float | None
File = Annotated[Path | None, typer.Option("--file", help="TOML problem file; options override it")]
Spot = Annotated[_Float, typer.Option(help="price of the asset today")]
Vol = Annotated[_Float, typer.Option(help="standard deviation per annum, 0.2 is 20 %")]
Rate = Annotated[_Float, typer.Option(help="interest rate per annum, continuous [default: 0]")]
Dividend = Annotated[_Float, typer.Option("--dividend-yield", help="per annum, continuous")]
Kind = Annotated[ContractKind | None, typer.Option("--contract", help="[default: call]")]
Strike = Annotated[_Float, typer.Option(help="strike; the lower one of a spread")]
HighStrike = Annotated[_Float, typer.Option("--high-strike", help="upper strike of a spread")]
Expiry = Annotated[_Float, typer.Option(help="years to expiry")]
Prices = Annotated[
    Path | None, typer.Option(help="CSV or Parquet, dates x tickers [default: built-in 20 stocks]")
]
Tickers = Annotated[str | None, typer.Option(help="comma-separated [default: all]")]
Window = Annotated[int | None, typer.Option(help="daily returns to use [default: 500]")]
ReturnsModel = Annotated[ModelKind | None, typer.Option("--model", help="[default: filtered]")]
Measures = Annotated[MeasureKind | None, typer.Option("--measure", help="[default: both]")]
Level = Annotated[_Float, typer.Option(help="0.99 is 99 % [default: VaR 0.99, ES 0.975]")]
Value = Annotated[_Float, typer.Option(help="value of the portfolio [default: 1]")]
EngineOption = Annotated[EngineKind | None, typer.Option("--engine", help="[default: all]")]
Qubits = Annotated[int | None, typer.Option(help="grid qubits [default: 5 for prices, 8 for risk]")]
BackendOption = Annotated[BackendKind | None, typer.Option("--backend", help="[default: aer]")]
Tolerance = Annotated[_Float, typer.Option(help="half-width of the interval, in money")]
Relative = Annotated[_Float, typer.Option("--relative-tolerance", help="as a share of the value")]
Queries = Annotated[int | None, typer.Option(help="the most queries (classical: paths) to spend")]
Confidence = Annotated[_Float, typer.Option(help="of the interval [default: 0.95]")]
Seed = Annotated[int | None, typer.Option(help="same seed and versions, same numbers")]
AsJson = Annotated[bool, typer.Option("--json", help="data as JSON on stdout, nothing else")]
Plot = Annotated[Path | None, typer.Option("--plot", help="folder for PNG and SVG pictures")]
Budgets = Annotated[str, typer.Option(help="query budgets, comma-separated")]
Seeds = Annotated[int, typer.Option(help="independent runs of each engine and budget")]

# option -> path in a problem file
_PATHS = {
    "spot": "model.spot",
    "vol": "model.vol",
    "rate": "model.rate",
    "dividend_yield": "model.dividend_yield",
    "prices": "model.prices",
    "tickers": "model.tickers",
    "window": "model.window",
    "model": "model.kind",
    "contract": "contract.kind",
    "strike": "contract.strike",
    "high_strike": "contract.high_strike",
    "expiry": "contract.expiry",
    "value": "contract.value",
    "measure": "measure.kind",
    "level": "measure.level",
    "tolerance": "goal.tolerance",
    "relative_tolerance": "goal.relative_tolerance",
    "queries": "goal.queries",
    "confidence": "goal.confidence",
    "qubits": "quantum.qubits",
    "backend": "quantum.backend",
    "engine": "run.engine",
    "seed": "run.seed",
}
_PRICE_DEFAULTS = {"model.kind": "black-scholes", "contract.kind": "call", "measure.kind": "price"}
_RISK_DEFAULTS = {"model.kind": "filtered", "contract.kind": "portfolio", "measure.kind": "both"}
_RISK_OPTIONS = ("prices", "tickers", "window", "model", "measure", "level", "value")


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="print the version and exit")] = False,
) -> None:
    if version:
        from qmc import __version__

        typer.echo(f"qmc {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit


@app.command()
def price(
    file: File = None,
    spot: Spot = None,
    vol: Vol = None,
    rate: Rate = None,
    dividend_yield: Dividend = None,
    contract: Kind = None,
    strike: Strike = None,
    high_strike: HighStrike = None,
    expiry: Expiry = None,
    engine: EngineOption = None,
    qubits: Qubits = None,
    backend: BackendOption = None,
    tolerance: Tolerance = None,
    relative_tolerance: Relative = None,
    queries: Queries = None,
    confidence: Confidence = None,
    seed: Seed = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> int:
    """Price an option: quantum, classical and exact side by side."""
    spec = _specification(locals(), _PRICE_DEFAULTS)
    if spec.is_risk:
        msg = f"field model.kind={spec.model.kind!r}: must be black-scholes here; use `qmc risk`"
        raise InvalidProblem(msg)
    return _run("price", spec, as_json=as_json, plot=plot)


@app.command()
def risk(
    file: File = None,
    prices: Prices = None,
    tickers: Tickers = None,
    window: Window = None,
    model: ReturnsModel = None,
    measure: Measures = None,
    level: Level = None,
    value: Value = None,
    engine: EngineOption = None,
    qubits: Qubits = None,
    backend: BackendOption = None,
    tolerance: Tolerance = None,
    relative_tolerance: Relative = None,
    queries: Queries = None,
    confidence: Confidence = None,
    seed: Seed = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> int:
    """One-day value at risk and expected shortfall of a portfolio of stocks."""
    spec = _specification(locals(), _RISK_DEFAULTS)
    if not spec.is_risk:
        msg = f"field model.kind={spec.model.kind!r}: must be a model of returns; use `qmc price`"
        raise InvalidProblem(msg)
    return _run("risk", spec, as_json=as_json, plot=plot)


@app.command()
def plan(
    file: File = None,
    spot: Spot = None,
    vol: Vol = None,
    rate: Rate = None,
    dividend_yield: Dividend = None,
    contract: Kind = None,
    strike: Strike = None,
    high_strike: HighStrike = None,
    expiry: Expiry = None,
    prices: Prices = None,
    tickers: Tickers = None,
    window: Window = None,
    model: ReturnsModel = None,
    measure: Measures = None,
    level: Level = None,
    value: Value = None,
    qubits: Qubits = None,
    tolerance: Tolerance = None,
    relative_tolerance: Relative = None,
    queries: Queries = None,
    confidence: Confidence = None,
    seed: Seed = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> int:
    """Qubits, gates, queries, memory and seconds of a solve, before anything runs."""
    given = locals()
    risky = any(given[name] is not None for name in _RISK_OPTIONS)
    spec = _specification(given, _RISK_DEFAULTS if risky else _PRICE_DEFAULTS)
    engine, goal = spec.make_quantum(), spec.make_goal()
    plans = {type(one.measure).__name__: engine.plan(one, goal) for one in spec.problems()}
    if as_json:
        _print_json({"command": "plan", "plans": {k: asdict(v) for k, v in plans.items()}})
    else:
        for name, one in plans.items():
            typer.echo(f"{name}: {one}")
    if plot is not None:
        from qmc.report import save_figure, size_figure

        save_figure(size_figure(plans), plot, "plan")
    return OK


@app.command()
def converge(
    file: File = None,
    spot: Spot = None,
    vol: Vol = None,
    rate: Rate = None,
    dividend_yield: Dividend = None,
    contract: Kind = None,
    strike: Strike = None,
    high_strike: HighStrike = None,
    expiry: Expiry = None,
    budgets: Budgets = "1000,10000,100000",
    seeds: Seeds = 10,
    qubits: Qubits = None,
    backend: BackendOption = None,
    confidence: Confidence = None,
    seed: Seed = None,
    as_json: AsJson = False,
    plot: Plot = None,
) -> int:
    """Error, interval width and coverage against queries, quantum and classical."""
    from qmc.report import converge_problems, convergence_table, save_figure

    spec = _specification(locals(), _PRICE_DEFAULTS)
    amounts = _whole_numbers("budgets", budgets)
    with _progress("running"):
        table = converge_problems(spec, amounts, seeds)
    if as_json:
        _print_json({"command": "converge", "rows": [asdict(row) for row in table.rows]})
    else:
        _console().print(convergence_table(table))
    if plot is not None:
        save_figure(table.plot().figure, plot, "convergence")
    return OK


@app.command()
def doctor(as_json: AsJson = False, seed: Seed = None, plot: Plot = None) -> int:
    """Check this installation: versions, memory, shipped data, a circuit on Aer."""
    from qmc import report

    checks = report.examine(seed or 0)
    if as_json:
        _print_json({"command": "doctor", "checks": [asdict(check) for check in checks]})
    else:
        _console().print(report.checks_table(checks))
    if plot is not None:
        report.save_figure(report.checks_figure(checks), plot, "doctor")
    return OK if all(check.passed for check in checks) else FAILED


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="folder of the report")] = Path("demo-report"),
    seed: Annotated[int, typer.Option(help="same seed, same numbers")] = 7,
    quick: Annotated[bool, typer.Option("--quick", help="smaller sizes, a few seconds")] = False,
    as_json: AsJson = False,
    plot: Plot = None,
) -> int:
    """The main job on real data: an option, a portfolio's VaR and ES, convergence, a report."""
    from qmc.demo import run_demo

    console = _console(stderr=True)
    watching = console.is_terminal

    def tell(step: str) -> None:
        if watching:
            console.print(f"[dim]{step}[/dim]")

    outcome = run_demo(plot or output, seed=seed, quick=quick, tell=tell)
    if as_json:
        _print_json({"command": "demo", **outcome.to_dict()})
    else:
        _console().print(*outcome.renderables(), sep="\n")
        typer.echo(f"Report: {outcome.folder / 'index.html'}")
    return _exit_code(outcome.solved)


def _specification(given: Mapping[str, Any], defaults: Mapping[str, str]) -> Specification:
    """Merge file, options (which win) and defaults (which lose)."""
    from qmc.specification import Specification, read_toml

    file = given["file"]
    data: dict[str, Any] = {} if file is None else read_toml(file)
    for name, path in _PATHS.items():
        value = given.get(name)
        if value is not None:
            _put(data, path, _plain(name, value), replace=True)
    for path, value in defaults.items():
        if file is None or path == "measure.kind":
            _put(data, path, value, replace=False)
    if file is not None and "measure" in data and data["measure"] == {"kind": "price"}:
        _adapt_measure(data)
    try:
        return Specification.from_mapping(data)
    except InvalidProblem as error:
        if file is None:
            raise
        msg = f"{file}: {error}"
        raise InvalidProblem(msg) from error


def _adapt_measure(data: dict[str, Any]) -> None:
    """A file with returns and no measure asks for VaR and ES."""
    model = data.get("model")
    if isinstance(model, dict) and model.get("kind") not in (None, "black-scholes"):
        data["measure"] = {"kind": "both"}


def _put(data: dict[str, Any], path: str, value: object, *, replace: bool) -> None:
    section, name = path.split(".")
    table = data.setdefault(section, {})
    if isinstance(table, dict) and (replace or name not in table):
        table[name] = value


def _plain(name: str, value: object) -> object:
    if name == "tickers":
        return [part.strip() for part in str(value).split(",") if part.strip()]
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _whole_numbers(name: str, text: str) -> tuple[int, ...]:
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 1:
        msg = f"{name}={text!r}: must be whole numbers >= 1 with commas; such as 1000,10000"
        raise InvalidProblem(msg)
    return numbers


def _run(command: str, spec: Specification, *, as_json: bool, plot: Path | None) -> int:
    """Solve with every engine asked for, print, draw; the exit code."""
    from qmc import report

    problems = spec.problems()
    with _progress("solving"):
        solved = [one for problem in problems for one in report.solve_all(spec, problem)]
    if as_json:
        rows = [{"engine": one.engine, "result": one.result.to_dict()} for one in solved]
        _print_json({"command": command, "results": rows})
    else:
        console = _console()
        console.print(report.results_table(solved))
        for one in solved:
            if one.result.circuit is not None:
                console.print(report.budget(one.result))
    if plot is not None:
        for problem in problems:
            name = type(problem.measure).__name__.lower()
            mine = [one for one in solved if one.result.provenance.problem == problem]
            report.save_figure(report.intervals_figure(mine), plot, name)
    return _exit_code(solved)


def _exit_code(solved: Sequence[Solved]) -> int:
    statuses = {one.result.status for one in solved}
    if "interrupted" in statuses:
        return INTERRUPTED
    return OK if statuses <= {"converged"} else NOT_REACHED


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    # a pipe has no width: take one that no table has to fold for
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=_WIDTH)


def _progress(text: str) -> AbstractContextManager[object]:
    """A spinner on stderr, only on a terminal."""
    console = _console(stderr=True)
    return console.status(text) if console.is_terminal else nullcontext()


def _print_json(data: Mapping[str, Any]) -> None:
    typer.echo(json.dumps(_finite(data), allow_nan=False, indent=2, default=str))


def _finite(data: object) -> object:
    """JSON has no infinity: write it, and NaN, as text."""
    if isinstance(data, Mapping):
        return {str(key): _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    if isinstance(data, float) and not math.isfinite(data):
        return str(data)
    return data


def _code_of(error: Exception) -> int:
    if isinstance(error, NotConverged):
        return NOT_REACHED
    if isinstance(error, BackendFailed):
        return FAILED
    return USAGE if isinstance(error, QmcError | OSError | TooLarge | _click_error()) else FAILED


def _click_error() -> type[Exception]:
    """The base of typer's usage errors, wherever this version of typer keeps it."""
    base: type[Exception] = typer.BadParameter.__mro__[2]
    return base


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code and never lets an exception out."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        code = app(args=arguments, prog_name="qmc", standalone_mode=False)
    except (typer.Abort, KeyboardInterrupt):
        typer.echo("qmc: interrupted", err=True)
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("QMC_DEBUG"):
            raise
        format_message = getattr(error, "format_message", None)
        text = str(format_message() if format_message else error)
        expected = isinstance(error, QmcError | OSError | _click_error())
        name = "" if expected else f"unexpected {type(error).__name__} (QMC_DEBUG=1 shows where): "
        typer.echo(f"qmc: {name}{' '.join(text.split())}", err=True)
        return _code_of(error)
    return code if isinstance(code, int) else OK


if __name__ == "__main__":
    sys.exit(main())
