"""LawGrid: exact means against 40-digit arithmetic, exact edges, parity, refusals."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qmc.backends import Ideal
from qmc.contracts import Call, CallSpread, Digital, Portfolio, Put
from qmc.engine import Quantum
from qmc.errors import InvalidProblem, QmcError, TooLarge, Unsupported
from qmc.grids import CellTable, LawGrid, UniformGrid
from qmc.measures import ES, Excess, ExpectedLoss, Mean, Price, Probability, Tail, VaR
from qmc.models import BlackScholes, HistoricalReturns, NormalReturns, StudentTReturns
from qmc.problem import Goal, Problem

RATE, YIELD = 0.03, 0.01
QUBITS = (1, 2, 3, 5, 8, 10)
mpmath.mp.dps = 40


def exact(kind, spot, strike, high, vol, expiry):
    """Black-Scholes values with 40 digits (Black and Scholes 1973, eq. 13)."""
    s, k, v, t = map(mpmath.mpf, (spot, strike, vol, expiry))
    discount, growth = mpmath.exp(-RATE * t), mpmath.exp(-YIELD * t)
    sd = v * mpmath.sqrt(t)
    d1 = (mpmath.log(s / k) + (mpmath.mpf(RATE) - YIELD + v * v / 2) * t) / sd
    above, above_asset = mpmath.ncdf(d1 - sd), mpmath.ncdf(d1)
    below, below_asset = mpmath.ncdf(sd - d1), mpmath.ncdf(-d1)
    return {
        "call": lambda: s * growth * above_asset - k * discount * above,
        "put": lambda: k * discount * below - s * growth * below_asset,
        "spread": lambda: (
            exact("call", spot, strike, high, vol, expiry)
            - exact("call", spot, high, high, vol, expiry)
        ),
        "cash": lambda: discount * above,
        "asset": lambda: s * growth * above_asset,
        "cash put": lambda: discount * below,
        "asset put": lambda: s * growth * below_asset,
    }[kind]()


def contract(kind, strike, high, expiry):
    kinds = {
        "call": lambda: Call(strike=strike, expiry=expiry),
        "put": lambda: Put(strike=strike, expiry=expiry),
        "spread": lambda: CallSpread(low_strike=strike, high_strike=high, expiry=expiry),
        "cash": lambda: Digital(strike=strike, expiry=expiry),
        "asset": lambda: Digital(strike=strike, expiry=expiry, pays="asset"),
        "cash put": lambda: Digital(strike=strike, expiry=expiry, kind="put"),
        "asset put": lambda: Digital(strike=strike, expiry=expiry, kind="put", pays="asset"),
    }
    return kinds[kind]()


KINDS = ("call", "put", "spread", "cash", "asset", "cash put", "asset put")
VOLS = (0.01, 0.2, 0.7, 2.0)
EXPIRIES = (1.0 / 365.0, 0.25, 1.0, 30.0)
MONEYNESS = (0.25, 0.8, 0.999, 1.0, 1.05, 1.5, 4.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("qubits", QUBITS)
def test_grid_mean_is_the_true_price(kind, qubits):
    spot = 100.0
    for vol, expiry, moneyness in itertools.product(VOLS, EXPIRIES, MONEYNESS):
        strike, high = spot * moneyness, spot * moneyness * 1.1
        market = BlackScholes(spot=spot, vol=vol, rate=RATE, dividend_yield=YIELD)
        problem = Problem(market, contract(kind, strike, high, expiry), Price())
        truth = exact(kind, spot, strike, high, vol, expiry)
        error = abs(LawGrid(qubits=qubits).discretise(problem).mean() - float(truth))
        # the bar: 1e-12 relative, or 1e-14 of spot for a price below 1e-3 of spot
        allowed = 1e-12 * float(truth) if truth >= 1e-3 * spot else 1e-14 * spot
        assert error <= allowed, (kind, qubits, vol, expiry, moneyness, error / allowed)


@given(
    strike=st.floats(1.0, 1e4),
    vol=st.floats(0.01, 2.0),
    expiry=st.floats(0.003, 30.0),
    qubits=st.integers(1, 10),
)
def test_put_call_parity_holds_on_the_grid(strike, vol, expiry, qubits):
    market = BlackScholes(spot=100.0, vol=vol, rate=RATE, dividend_yield=YIELD)
    grid = LawGrid(qubits=qubits)
    call, put = (
        grid.discretise(Problem(market, kind(strike=strike, expiry=expiry), Price())).mean()
        for kind in (Call, Put)
    )
    forward = 100.0 * np.exp(-YIELD * expiry) - strike * np.exp(-RATE * expiry)
    assert call - put == pytest.approx(forward, abs=1e-13 * (100.0 + strike))


def test_cells_have_equal_probability_and_values_increase_for_a_call():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    table = LawGrid(qubits=4).discretise(Problem(market, Call(strike=105.0, expiry=1.0), Price()))
    assert np.all(table.probabilities == 2.0**-4)
    assert np.all(np.diff(table.values) >= 0.0)
    assert table.bias == "exact"
    assert table.outcomes(Mean()) is table.values


@pytest.mark.parametrize("threshold", [-1.0, 0.0, 3.0, 40.0])
@pytest.mark.parametrize("kind", [Call, Put])
def test_probability_is_exact_on_any_number_of_qubits(kind, threshold):
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    problem = Problem(market, kind(strike=105.0, expiry=1.0), Probability(threshold=threshold))
    values = problem.outcomes(np.random.default_rng(3).standard_normal((400_000, 1)))
    sampled = float(np.mean(values > threshold))
    for qubits in (1, 6):
        mean = LawGrid(qubits=qubits).discretise(problem).mean()
        # five standard errors: false alarm below 1e-6 a case
        assert mean == pytest.approx(sampled, abs=5.0 * np.sqrt(0.25 / 400_000))


def risk_problem(model, level=0.99, measure=VaR):
    return Problem(model, Portfolio(weights=(0.5, 0.5), value=100.0), measure(level=level))


RISK_MODELS = [
    NormalReturns(mean=(0.0, 0.001), covariance=((1e-4, 5e-5), (5e-5, 2e-4))),
    StudentTReturns(
        mean=(0.0, 0.001), covariance=((1e-4, 5e-5), (5e-5, 2e-4)), degrees_of_freedom=4.0
    ),
    HistoricalReturns(returns=np.random.default_rng(1).normal(0.0, 0.01, size=(500, 2))),
]


@pytest.mark.parametrize("model", RISK_MODELS, ids=lambda m: type(m).__name__)
def test_edges_carry_exact_probabilities_and_cell_means(model):
    problem = risk_problem(model)
    table = LawGrid(qubits=6).discretise(problem)
    law = model.value_law(problem.contract).negated()
    below = np.concatenate([[0.0], np.cumsum(table.probabilities)])
    np.testing.assert_allclose(below, law.cdf(table.edges), atol=1e-13)
    assert table.mean() == pytest.approx(law.mean, abs=1e-12)
    assert np.all((table.values >= table.edges[:-1]) & (table.values <= table.edges[1:]))
    widths = np.diff(table.edges[1:-1])
    np.testing.assert_allclose(widths, widths[0], rtol=1e-9)
    for edge in table.edges[1:-1:7]:
        tail = float(table.probabilities @ table.outcomes(Tail(float(edge))))
        excess = float(table.probabilities @ table.outcomes(Excess(float(edge))))
        assert tail == pytest.approx(float(law.sf(edge)), abs=1e-13)
        true_excess = float(law.upper_partial_mean(edge) - edge * law.sf(edge))
        assert excess == pytest.approx(true_excess, abs=1e-12)


def test_discretising_twice_gives_the_same_bits():
    problem = risk_problem(RISK_MODELS[0])
    first, second = (LawGrid(qubits=5).discretise(problem) for _ in range(2))
    assert np.array_equal(first.edges, second.edges)
    assert np.array_equal(first.values, second.values)


def test_edges_do_not_depend_on_the_level_asked_for():
    tables = [LawGrid(qubits=5).discretise(risk_problem(RISK_MODELS[0], p)) for p in (0.9, 0.99)]
    assert np.array_equal(tables[0].edges, tables[1].edges)


def test_edges_scale_with_the_position():
    model = RISK_MODELS[0]
    small, large = (
        LawGrid(qubits=5).discretise(
            Problem(model, Portfolio(weights=(0.5, 0.5), value=value), ES(level=0.975))
        )
        for value in (1.0, 1e6)
    )
    np.testing.assert_allclose(large.edges[1:-1], 1e6 * small.edges[1:-1], rtol=1e-12)
    np.testing.assert_allclose(large.values, 1e6 * small.values, rtol=1e-10)


def test_a_constant_history_gives_a_table():
    model = HistoricalReturns(returns=np.full((100, 2), 0.01))
    table = LawGrid(qubits=3).discretise(risk_problem(model))
    assert table.mean() == pytest.approx(-1.0)


def test_expected_loss_is_minus_the_mean_profit():
    problem = Problem(RISK_MODELS[0], Portfolio(weights=(0.5, 0.5), value=100.0), ExpectedLoss())
    assert LawGrid(qubits=3).discretise(problem).mean() == pytest.approx(-0.05, abs=1e-12)


def test_thresholds_must_be_edges():
    table = LawGrid(qubits=3).discretise(risk_problem(RISK_MODELS[0]))
    with pytest.raises(InvalidProblem, match="edge"):
        table.outcomes(Tail(0.123456))
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    priced = LawGrid(qubits=3).discretise(Problem(market, Call(strike=105.0, expiry=1.0), Price()))
    with pytest.raises(InvalidProblem, match="no edges"):
        priced.outcomes(Tail(1.0))


@pytest.mark.parametrize("qubits", [0, -1, 2.0, True, "5"])
def test_bad_qubits_are_refused(qubits):
    with pytest.raises(InvalidProblem, match="qubits"):
        LawGrid(qubits=qubits)


@pytest.mark.parametrize("grid", [LawGrid(qubits=200), UniformGrid(qubits=200)])
def test_too_many_qubits_are_refused_before_allocation(grid):
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    with pytest.raises(TooLarge, match=r"needs .* GiB, .* available; take fewer qubits"):
        grid.discretise(problem)


def test_var_without_a_value_law_names_who_can():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    problem = Problem(market, Call(strike=105.0, expiry=1.0), VaR(level=0.99))
    with pytest.raises(Unsupported, match="MonteCarlo"):
        LawGrid().discretise(problem)


def test_uniform_grid_reproduces_the_tutorial_and_its_bias():
    """qiskit-finance's tutorial call: its grid value .1623 for a true .170627, undiscounted."""
    market = BlackScholes(spot=2.0, vol=0.4, rate=0.05)
    problem = Problem(market, Call(strike=1.896, expiry=40 / 365), Price())
    growth = np.exp(0.05 * 40 / 365)
    window = UniformGrid(qubits=3).discretise(problem)
    assert window.bias == "unknown"
    assert window.mean() * growth == pytest.approx(0.1623, abs=5e-5)
    assert LawGrid(qubits=3).discretise(problem).mean() * growth == pytest.approx(
        0.170627, abs=5e-7
    )


def test_what_lies_beyond_the_window_stays_lost_at_any_resolution():
    market = BlackScholes(spot=100.0, vol=0.2, rate=0.05)
    problem = Problem(market, Call(strike=105.0, expiry=1.0), Price())
    truth = LawGrid(qubits=1).discretise(problem).mean()
    losses = [UniformGrid(qubits=n).discretise(problem).mean() / truth - 1.0 for n in (8, 10, 12)]
    assert all(-0.06 < loss < -0.04 for loss in losses)


def test_uniform_grid_refuses_other_measures():
    with pytest.raises(Unsupported, match="LawGrid"):
        UniformGrid().discretise(risk_problem(RISK_MODELS[0]))
    with pytest.raises(QmcError, match="standard_deviations"):
        UniformGrid(standard_deviations=0.0)


def test_cell_table_refuses_bad_shapes():
    good = {"registers": (1,), "marginals": (np.array([0.5, 0.5]),), "bias": "exact"}
    with pytest.raises(InvalidProblem, match="values"):
        CellTable(**good, values=np.zeros(3), bias_bound=0.0)
    with pytest.raises(InvalidProblem, match="sum to 1"):
        CellTable(
            registers=(1,),
            marginals=(np.array([0.5, 0.6]),),
            values=np.zeros(2),
            bias="exact",
            bias_bound=0.0,
        )


def test_losses_that_differ_by_rounding_have_increasing_edges():
    moves = np.random.default_rng(0).normal(size=50) * 0.01
    hedged = HistoricalReturns(returns=np.column_stack([moves, 0.003 - moves]))
    problem = Problem(hedged, Portfolio(weights=(1.0, 1.0), value=100.0), VaR(level=0.9))
    table = LawGrid(qubits=5).discretise(problem)
    assert np.all(np.diff(table.edges) > 0.0)
    assert table.mean() == pytest.approx(-0.3)
    result = Quantum(grid=LawGrid(qubits=5), backend=Ideal()).solve(
        problem, Goal(tolerance=0.01), rng=1
    )
    assert result.status == "converged"
    assert result.interval.contains(-0.3)
