"""How far a factor grid's own mean is from the true price: what DESIGN 5 promises of few qubits."""

import math

import pytest

from qmc import FactorGrid

NAMES = (
    "asian of 252 dates",
    "basket of 5",
    "asian basket of 3 x 12",
    "spread",
    "exchange",
    "autocallable",
)


@pytest.mark.parametrize("name", NAMES)
def test_bias_of_a_few_qubits_is_within_what_is_promised(name, cases, truth):
    case, (price, error_bar) = cases[name], truth(name)
    table = FactorGrid(qubits=case.qubits).discretise(case.problem)
    assert table.num_qubits == case.qubits
    # the truth is known far better than what is asked of the grid
    assert error_bar < 0.05 * case.allowed * price
    assert abs(table.mean() / price - 1.0) <= case.allowed - 4.0 * error_bar / price


@pytest.mark.parametrize("name", NAMES)
def test_cells_leave_little_of_the_variance(name, cases):
    case = cases[name]
    table = FactorGrid(qubits=case.qubits).discretise(case.problem)
    limit = 0.15 if name == "autocallable" else 0.012
    assert 0.0 < table.report.chosen.residual_share < limit


def test_the_exchange_case_is_margrabe(truth):
    """Margrabe (1978, doi:10.1111/j.1540-6261.1978.tb03397.x)."""
    deviation = math.sqrt(0.2**2 + 0.3**2 - 2.0 * 0.5 * 0.2 * 0.3)
    above = (math.log(100.0 / 96.0) + 0.5 * deviation**2) / deviation

    def cdf(x):
        return 0.5 * math.erfc(-x / math.sqrt(2.0))

    assert truth("exchange")[0] == pytest.approx(
        100.0 * cdf(above) - 96.0 * cdf(above - deviation), rel=1e-10
    )
