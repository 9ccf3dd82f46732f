"""The layers of DESIGN 3, and what importing the packages loads."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command):
    return subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_layers_hold():
    done = run("-c", "from importlinter.cli import lint_imports_command; lint_imports_command()")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "statement",
    [
        "import qmc, classical_baseline",
        "from qmc import BlackScholes, Call, Goal, Price, Problem, Quantum",
        "from classical_baseline import Analytic, MonteCarlo",
        "import qmc.cli",
    ],
)
def test_importing_stays_light(statement):
    heavy = "qiskit qiskit_aer scipy.stats pandas matplotlib"
    code = f"{statement}; import sys; print([m for m in {heavy.split()} if m in sys.modules])"
    done = run("-W", "error", "-c", code)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_packages_carry_types():
    for package in ("qmc", "classical_baseline"):
        assert (ROOT / package / "py.typed").exists()
