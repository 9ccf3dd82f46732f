"""Draw the README's picture: `python docs/images/make.py`."""

from pathlib import Path

from classical_baseline import Analytic, MonteCarlo
from qmc import BlackScholes, Call, Goal, LawGrid, Price, Problem, Quantum, UniformGrid
from qmc.backends import Ideal
from qmc.plots import new_axes, plot_intervals

problem = Problem(
    BlackScholes(spot=100.0, vol=0.20, rate=0.05), Call(strike=105.0, expiry=1.0), Price()
)
engines = {
    "quantum, literature's window": Quantum(grid=UniformGrid(qubits=5), backend=Ideal()),
    "quantum, LawGrid(qubits=5)": Quantum(grid=LawGrid(qubits=5), backend=Ideal()),
    "quantum, LawGrid(qubits=3)": Quantum(grid=LawGrid(qubits=3), backend=Ideal()),
    "Monte Carlo": MonteCarlo(),
}
goal = Goal(tolerance=0.1)
results = [engine.solve(problem, goal, rng=7) for engine in engines.values()]
axes = plot_intervals(
    results,
    [f"{name}\n{r.cost.queries:,} queries" for name, r in zip(engines, results, strict=True)],
    truth=Analytic().solve(problem, goal).value,
    ax=new_axes(),
)
axes.set_title("95 % intervals for a call, S 100, K 105, one year")
axes.figure.savefig(Path(__file__).with_name("intervals.png"), dpi=130)
