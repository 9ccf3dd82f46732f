"""What the tests of the command line share: run it in-process, read its one line or its JSON."""

import json

import numpy as np
import pytest

from qmc.cli import main


def no_constant(token):
    raise AssertionError(f"{token} is no JSON")


@pytest.fixture
def run(capsys):
    """`qmc` with arguments: exit code, stdout, stderr."""

    def call(*arguments):
        code = main([str(one) for one in arguments])
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def refusal(run):
    """The one line of a refusal: exit code 2, nothing on stdout."""

    def call(*arguments):
        code, out, err = run(*arguments)
        assert (code, out) == (2, ""), err
        (line,) = err.splitlines()
        assert line.startswith("qmc: ")
        return line.removeprefix("qmc: ")

    return call


@pytest.fixture
def answer(run):
    """The JSON of a run: strict, alone on stdout, nothing on stderr."""

    def call(*arguments, code=0):
        got, out, err = run(*arguments, "--json")
        assert (got, err) == (code, "")
        return json.loads(out, parse_constant=no_constant)

    return call


@pytest.fixture
def prices(tmp_path):
    """A CSV of three tickers on 120 weekdays."""
    days = np.arange("2024-01-01", "2024-07-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)][:120]
    moves = np.random.default_rng(4).normal(0.0, 0.01, size=(len(days), 3))
    rows = [
        f"{day}," + ",".join(f"{price:.4f}" for price in row)
        for day, row in zip(days, 100.0 * np.exp(np.cumsum(moves, axis=0)), strict=True)
    ]
    path = tmp_path / "prices.csv"
    path.write_text("date,A,B,C\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def portfolio(prices):
    # of 101 days no usual level is an exact share, so no quantile is a tie
    return [
        "--prices",
        str(prices),
        "--window",
        "101",
        "--qubits",
        "8",
        "--backend",
        "ideal",
        "--seed",
        "1",
    ]


@pytest.fixture
def problem_file(tmp_path):
    """A TOML file: its text, or sections of TOML literals and changes (path, literal or None)."""

    def write(content, *changes):
        path = tmp_path / "problem.toml"
        text = content if isinstance(content, str) else toml(content, *changes)
        path.write_text(text, encoding="utf-8")
        return path

    return write


def toml(sections, *changes):
    table = {name: dict(fields) for name, fields in sections.items()}
    for path, literal in changes:
        section, name = path.split(".")
        table.setdefault(section, {})[name] = literal
    lines = []
    for section, fields in table.items():
        lines.append(f"[{section}]")
        lines += [f"{name} = {value}" for name, value in fields.items() if value is not None]
    return "\n".join(lines) + "\n"
