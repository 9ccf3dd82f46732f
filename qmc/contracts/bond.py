"""`Bond`: fixed cash flows, discounted at rates that are random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qmc import checks
from qmc.contracts import fields
from qmc.errors import InvalidProblem
from qmc.problem import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """Is worth sum_t cash_flow_t / (1 + rate_t)^t, rate_t per annum for the time t of a flow.

    The fixed-income example of Woerner and Egger (2019, doi:10.1038/s41534-019-0130-6). Its model
    is `BondRates`: columns are rates, one a cash flow, and nothing is discounted by the model.

    Attributes:
        times: of the cash flows, years, increasing, the first above 0.
        cash_flows: (times,) in the bond's currency.

    Raises:
        InvalidProblem: for NaN or out-of-range fields, another number of flows than times and, when
            used, other rates than one a flow, rates of -100 % or below, or a model that discounts.

    >>> import numpy as np
    >>> bond = Bond(times=(1.0, 2.0), cash_flows=(1.0, 2.0))
    >>> rates = np.array([[[0.25, 0.0], [0.25, 0.0]]])
    >>> bond.present_value(rates, np.ones(2)).tolist()
    [2.8]
    """

    times: tuple[float, ...]
    cash_flows: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse fields out of range."""
        object.__setattr__(self, "times", fields.increasing(self.times))
        checks.positive("times[0]", self.times[0], "a flow today needs no model")
        flows = checks.vector("cash_flows", self.cash_flows)
        if len(flows) != len(self.times):
            allowed = f"{len(self.times)} numbers, one a time"
            raise checks.refuse("cash_flows", f"{len(flows)} numbers", allowed)
        object.__setattr__(self, "cash_flows", flows)

    def present_value(self, paths: Array, discount: Array) -> Array:
        """Value (n,) of rates (n, times, flows): those of the last time are taken."""
        if np.any(np.asarray(discount) != 1.0):
            msg = "Bond discounts by its own rates: take a model of rates, such as BondRates"
            raise InvalidProblem(msg)
        rates = fields.columns(self, paths, len(self.cash_flows), "cash_flows")[:, -1]
        if np.any(rates <= -1.0):
            msg = f"a rate is {rates.min():.3g}: must be above -1; take smaller loadings"
            raise InvalidProblem(msg)
        factors = np.power(1.0 + rates, -np.asarray(self.times))
        return fields.weighted(factors, self.cash_flows)
