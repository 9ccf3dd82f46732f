"""The commands. Each is a few lines: read the options, call the package, print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qmc.cli import catalogue, parsing
from qmc.cli.codes import FAILED, INTERRUPTED, NOT_REACHED, OK
from qmc.cli.options import Given, Option, with_options
from qmc.cli.output import (
    console,
    json_row,
    picture_folder,
    print_json,
    progress,
    writable,
)
from qmc.cli.request import (
    Kind,
    physical_machine,
    require_used,
    specification,
    wording,
)

if TYPE_CHECKING:
    from qmc.result import Status

_SEED = Option("seed", parsing.seed, "WHOLE", "Engines", "of the circuit that is tried")

app = typer.Typer(
    help="Quantum Monte Carlo prices and risk, with intervals that contain the true number.",
    epilog="Exit codes: 0 done, 1 failed, 2 usage or specification, 3 goal not reached, "
    "130 interrupted.",
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


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
@with_options(
    *catalogue.MARKET,
    *catalogue.CONTRACT,
    *catalogue.PRICE_MEASURE,
    *catalogue.GOAL,
    catalogue.ENGINE,
    *catalogue.QUANTUM,
    catalogue.SEED,
    catalogue.FILE,
    catalogue.PLOT,
)
def price(given: Given) -> int:
    """Price an option: quantum, classical and exact side by side."""
    return _solve(given, "price")


@app.command()
@with_options(
    *catalogue.PORTFOLIO,
    catalogue.METHOD,
    *catalogue.RISK_MEASURE,
    *catalogue.RISK_REPORT,
    *catalogue.GOAL,
    catalogue.ENGINE,
    *catalogue.QUANTUM,
    catalogue.SEED,
    catalogue.FILE,
    catalogue.PLOT,
)
def risk(given: Given) -> int:
    """Value at risk and expected shortfall of a portfolio of stocks, and what the data know."""
    return _solve(given, "risk")


@app.command()
@with_options(
    *catalogue.MARKET,
    *catalogue.CONTRACT,
    *catalogue.PORTFOLIO,
    *catalogue.ANY_MEASURE,
    *catalogue.GOAL,
    *catalogue.QUANTUM,
    catalogue.PHYSICAL,
    catalogue.SEED,
    catalogue.FILE,
    catalogue.PLOT,
)
def plan(given: Given) -> int:
    """Qubits, gates, queries, memory and seconds of a solve, before anything runs."""
    with wording(given):
        spec = specification(given)
        engine, goal, problems = spec.make_quantum(), spec.make_goal(), spec.problems()
        folder = picture_folder(given)
        machine = physical_machine(given, problems)
        plans = {
            type(one.measure).__name__: engine.plan(one, goal, machine=machine) for one in problems
        }
    if given["as_json"]:
        print_json("plan", {"plans": {name: asdict(one) for name, one in plans.items()}})
    else:
        for name, one in plans.items():
            typer.echo(f"{name}: {one}")
    if folder is not None:
        from qmc.report import save_figure, size_figure

        save_figure(size_figure(plans), folder, "plan")
    return OK


@app.command()
@with_options(
    catalogue.BUDGETS,
    catalogue.SEEDS,
    *catalogue.MARKET,
    *catalogue.CONTRACT,
    *catalogue.PORTFOLIO,
    *catalogue.ANY_MEASURE,
    catalogue.CONFIDENCE,
    *catalogue.QUANTUM,
    catalogue.SEED,
    catalogue.FILE,
    catalogue.PLOT,
)
def converge(given: Given) -> int:
    """Error, interval width and coverage against queries: prices, VaR and ES."""
    from qmc.cli.solving import converge_problems
    from qmc.report import convergence_table, save_figure

    with wording(given), progress("running"):
        spec, folder = specification(given), picture_folder(given)
        budgets = given.get("budgets", (1_000, 10_000, 100_000))
        table, notes = converge_problems(spec, budgets, given.get("seeds", 10))
    if given["as_json"]:
        rows = [asdict(row) for row in table.rows]
        print_json("converge", {"rows": rows, **({"notes": notes} if notes else {})})
    else:
        console().print(convergence_table(table), *notes, sep="\n")
    if folder is not None:
        for problem in table.problems:
            name = f"convergence-{problem.lower().replace(' ', '-')}"
            save_figure(table.plot(problem), folder, name)
    return INTERRUPTED if table.interrupted else OK


@app.command()
@with_options(*catalogue.BACKTEST, catalogue.PLOT)
def backtest(given: Given) -> int:
    """Forecast every day's VaR and ES from the days before it, and test the forecasts."""
    from qmc.cli.backtesting import save_pictures, table_of

    folder = picture_folder(given)
    with progress("forecasting"):
        table, about = table_of(given)
    if given["as_json"]:
        print_json("backtest", {**about, **table.to_dict()})
    else:
        console().print(table.table())
    if folder is not None:
        save_pictures(table, folder)
    return INTERRUPTED if table.interrupted else OK


@app.command()
@with_options(_SEED, catalogue.PLOT)
def doctor(given: Given) -> int:
    """Check this installation: versions, memory, shipped data, a circuit on Aer."""
    from qmc.doctor import checks_figure, checks_table, examine
    from qmc.report import save_figure

    folder = picture_folder(given)
    checks = examine(given.get("seed", 0))
    if given["as_json"]:
        print_json("doctor", {"checks": [asdict(check) for check in checks]})
    else:
        console().print(checks_table(checks))
    if folder is not None:
        save_figure(checks_figure(checks), folder, "doctor")
    return OK if all(check.passed for check in checks) else FAILED


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="folder of the report")] = Path("demo-report"),
    seed: Annotated[int, typer.Option(min=0, help="same seed, same numbers")] = 7,
    quick: Annotated[bool, typer.Option("--quick", help="smaller sizes, a few seconds")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, no table")] = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="the same as --output")] = None,
) -> int:
    """The main job on real data: an option, a portfolio's VaR and ES, convergence, a report."""
    from qmc.demo import run_demo

    screen = console(stderr=True)

    def tell(step: str) -> None:
        if screen.is_terminal:
            screen.print(f"[dim]{step}[/dim]")

    folder = writable(plot or output, "--output" if plot is None else "--plot")
    outcome = run_demo(folder, seed=seed, quick=quick, tell=tell)
    if as_json:
        print_json("demo", outcome.to_dict())
    else:
        console().print(*outcome.renderables(), sep="\n")
        typer.echo(f"Report: {outcome.folder / 'index.html'}")
    return _exit_code([one.result.status for one in outcome.solved])


def _solve(given: Given, kind: Kind) -> int:
    """Solve with every engine asked for, print, draw; the exit code."""
    from qmc import report
    from qmc.cli.risk import RiskReport, risk_report
    from qmc.cli.solving import solve_until_stopped
    from qmc.explain import budget_table

    with wording(given):
        spec = specification(given, kind)
        # made once for nothing, so that what is out of range is refused before anything runs
        spec.make_goal()
        spec.make_quantum()
        require_used(spec, given)
        problems, folder = spec.problems(), picture_folder(given)
        with progress("asking the data"):
            extra = risk_report(spec, problems, given) if kind == "risk" else RiskReport()
        with progress("solving"):
            solved, stopped = solve_until_stopped(spec, problems)
    if given["as_json"]:
        rows = [json_row(one) for one in solved]
        print_json(kind, {"problem": spec.model_dump(), "results": rows, **extra.to_dict()})
    elif solved:
        console().print(report.results_table(solved))
        for one in solved:
            if one.engine != "analytic":
                console().print(budget_table(one.result))
        console().print(*extra.renderables(), sep="\n")
    if folder is not None:
        extra.draw(folder)
        for problem in problems:
            mine = [one for one in solved if one.result.provenance.problem == problem]
            if mine:
                name = type(problem.measure).__name__.lower()
                report.save_figure(report.intervals_figure(mine), folder, name)
        law = report.losses_figure(solved) if kind == "risk" else None
        if law is not None:
            report.save_figure(law, folder, "losses")
    return INTERRUPTED if stopped else _exit_code([one.result.status for one in solved])


def _exit_code(statuses: Sequence[Status]) -> int:
    if "interrupted" in statuses:
        return INTERRUPTED
    return OK if set(statuses) <= {"converged"} else NOT_REACHED
