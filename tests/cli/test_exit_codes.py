"""Exit codes 1, 3 and 130; what is left of the output; what help imports."""

import contextlib
import functools
import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from qmc import errors
from qmc.backends.ideal import Ideal, IdealOracle
from qmc.cli import main
from qmc.doctor import Check

ROOT = Path(__file__).resolve().parents[2]
CALL = ["--spot", "100", "--vol", "0.2", "--strike", "105", "--expiry", "1"]
FAST = ["--backend", "ideal", "--seed", "1", "--tolerance", "0.2"]
HEAVY = {"qiskit", "qiskit_aer", "scipy.stats", "pandas", "matplotlib"}


def raiser(error):
    def fail(*arguments, **words):
        raise error

    return fail


def test_a_goal_out_of_reach_is_3_and_still_prints(run, answer):
    code, out, err = run("price", *CALL, *FAST, "--engine", "quantum", "--queries", "60")
    assert (code, err) == (3, "")
    assert "budget exhausted" in out
    data = answer("price", *CALL, *FAST, "--engine", "quantum", "--queries", "60", code=3)
    (row,) = data["results"]
    assert row["result"]["status"] == "budget_exhausted"
    assert row["result"]["cost"]["queries"] <= 60


def test_one_engine_short_of_the_goal_is_3(run):
    code, out, _ = run("price", *CALL, "--backend", "ideal", "--tolerance", "0.001",
                       "--queries", "60")  # fmt: skip
    assert code == 3
    assert "analytic" in out


def test_a_failed_backend_is_1(run, monkeypatch):
    monkeypatch.setattr(Ideal, "oracle", raiser(errors.BackendFailed("the device is off")))
    code, out, err = run("price", *CALL, *FAST)
    assert (code, out, err) == (1, "", "qmc: the device is off\n")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (errors.InvalidProblem("x=1: must be 2"), 2, "qmc: x=1: must be 2"),
        (errors.Unsupported("Quantum cannot"), 2, "qmc: Quantum cannot"),
        (errors.TooLarge("needs 9 GiB"), 2, "qmc: needs 9 GiB"),
        (errors.NotConverged("goal not reached", None), 3, "qmc: goal not reached"),
        (errors.BackendFailed("no\n  device"), 1, "qmc: no device"),
        (
            OSError(28, "No space left on device", "a.png"),
            1,
            "qmc: cannot read or write (a.png): No space left on device; check disk and "
            "permissions",
        ),
        (
            ZeroDivisionError("two\nlines"),
            1,
            "qmc: unexpected ZeroDivisionError (QMC_DEBUG=1 shows where): two lines",
        ),
    ],
)
def test_each_error_is_one_line_and_a_code(run, monkeypatch, error, code, line):
    monkeypatch.delenv("QMC_DEBUG", raising=False)
    monkeypatch.setattr("qmc.cli.solving.solve_all", raiser(error))
    assert run("price", *CALL, *FAST) == (code, "", f"{line}\n")


def test_debugging_shows_where(monkeypatch):
    monkeypatch.setenv("QMC_DEBUG", "1")
    monkeypatch.setattr("qmc.cli.solving.solve_all", raiser(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        main(["price", *CALL, *FAST])


def test_a_failed_check_of_doctor_is_1(run, monkeypatch):
    bad = Check("a circuit on Aer", passed=False, detail="no")
    monkeypatch.setattr("qmc.doctor.examine", lambda seed: [bad])
    code, out, err = run("doctor")
    assert (code, err) == (1, "")
    assert "FAILED" in out


@pytest.mark.parametrize("command", ["price", "plan", "converge", "doctor"])
def test_ctrl_c_is_130(run, monkeypatch, command):
    stop = raiser(KeyboardInterrupt())
    for name in (
        "qmc.cli.solving.solve_all",
        "qmc.cli.solving.converge_problems",
        "qmc.doctor.examine",
    ):
        monkeypatch.setattr(name, stop)
    monkeypatch.setattr("qmc.engine.Quantum.plan", stop)
    given = [] if command == "doctor" else CALL
    code, out, err = run(command, *given)
    assert (code, err) == (130, "qmc: interrupted\n")
    assert "Traceback" not in out


def test_ctrl_c_keeps_what_is_finished(run, monkeypatch, prices):
    monkeypatch.setattr("qmc.engine.Quantum.solve", raiser(KeyboardInterrupt()))
    code, out, err = run("risk", "--prices", prices, "--window", "101", "--json")
    assert (code, err) == (130, "qmc: interrupted\n")
    rows = json.loads(out)["results"]
    assert [row["engine"] for row in rows] == ["analytic", "monte-carlo"]
    assert {row["measure"]["type"] for row in rows} == {"qmc.VaR"}


def test_ctrl_c_in_a_round_keeps_the_estimate_and_starts_nothing_new(run, monkeypatch, prices):
    monkeypatch.setattr(IdealOracle, "run", raiser(KeyboardInterrupt()))
    given = ["--prices", prices, "--window", "101", "--engine", "quantum", "--backend", "ideal"]
    code, out, err = run("risk", *given, "--json")
    assert (code, err) == (130, "qmc: interrupted\n")
    (row,) = json.loads(out)["results"]
    assert row["result"]["status"] == "interrupted"


def python(*arguments, **words):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "TERM": "xterm"}
    command = [sys.executable, *arguments]
    # a shell that runs the tests in the background lets them, and their children, ignore Ctrl-C
    heard = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, env=environment, preexec_fn=heard, **words)  # noqa: PLW1509


def read_until(descriptor, word, seconds):
    """What a terminal shows, up to a word."""
    seen, end = b"", time.monotonic() + seconds
    while word not in seen and time.monotonic() < end:
        try:
            seen += os.read(descriptor, 4096)
        except OSError:  # the other end is closed
            break
    return seen


def test_sigint_to_a_running_solve():
    """With a terminal as stderr the spinner says when the solve runs; then Ctrl-C comes."""
    terminal, end = pty.openpty()
    # 100 million paths: seconds of work
    given = ["price", *CALL, "--engine", "monte-carlo", "--tolerance", "1e-9", "--json"]
    process = python("-m", "qmc.cli", *given, stdout=subprocess.PIPE, stderr=end)
    os.close(end)
    try:
        seen = read_until(terminal, b"solving", 60.0)
        assert b"solving" in seen
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        seen += read_until(terminal, b"interrupted", 60.0)
        out, _ = process.communicate(timeout=60.0)
    finally:
        process.kill()
        with contextlib.suppress(OSError):
            os.close(terminal)
    assert process.returncode == 130
    # what was sampled so far, or nothing
    rows = json.loads(out)["results"]
    assert all(row["result"]["status"] == "interrupted" for row in rows)
    assert b"qmc: interrupted" in seen
    assert b"Traceback" not in seen


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("extra", [[], ["--json"]])
def test_output_that_cannot_be_written_is_1(extra):
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        process = python("-m", "qmc.cli", "plan", *CALL, *extra, stdout=full,
                         stderr=subprocess.PIPE, text=True)  # fmt: skip
        _, err = process.communicate(timeout=60.0)
    assert process.returncode == 1
    assert err == (
        "qmc: cannot read or write: No space left on device; check disk and permissions\n"
    )


def test_a_closed_pipe_is_quiet():
    process = python("-m", "qmc.cli", "price", *CALL, *FAST,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    process.stdout.close()
    with process.stderr as err:
        assert err.read() == b""
    assert process.wait(60.0) == 1


@pytest.mark.parametrize("command", [[], ["price"], ["risk"], ["plan"], ["converge"], ["demo"]])
def test_help_imports_nothing_heavy(command):
    process = python("-X", "importtime", "-m", "qmc.cli", *command, "--help", text=True,
                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
    out, err = process.communicate(timeout=60.0)
    assert process.returncode == 0
    assert "Usage: qmc" in out
    loaded = {line.rpartition("|")[2].strip() for line in err.splitlines()}
    assert "typer" in loaded
    assert not loaded & HEAVY
