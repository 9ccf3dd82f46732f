"""The circuits of a threshold search: one an edge, encoded when first asked for and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qmc.backends.answers import made_oracle
from qmc.backends.protocols import SupportsReadout
from qmc.circuits import AmplitudeProblem, Encoding
from qmc.circuits.complement import complemented
from qmc.errors import Unsupported
from qmc.estimators import Estimator
from qmc.grids import CellTable
from qmc.measures import Tail
from qmc.quantile import ThresholdReply, ThresholdRound, ThresholdSearch
from qmc.result import BudgetLine
from qmc.run import MeteredOracle, Run

# of a bound on a probability
_ROUNDING = 1e-12


@dataclass(slots=True)
class ThresholdCircuits:
    """Answers threshold rounds by the tail's own circuit at each edge; the solve's meter counts.

    Attributes:
        solve: in progress, whose table, encoding and backend are used.
        bias: each tail's flag is raised with its probability to within this.
        reads: whether the value register is read beside the flag: where the backend can, and the
            encoding's flag is exact, so that what is read lies beyond the edge.
        has_read: whether it was.
    """

    solve: Run
    bias: float = 0.0
    reads: bool = field(init=False)
    has_read: bool = False
    _made: dict[int, MeteredOracle] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """See what the backend's oracle can do."""
        can = isinstance(self._oracle(self._middle).oracle, SupportsReadout)
        self.reads = can and self.bias == 0.0

    @property
    def decay(self) -> float:
        """Visibility lost per power."""
        return self._oracle(self._middle).decay

    def run(self, rounds: Sequence[ThresholdRound]) -> tuple[ThresholdReply, ...]:
        """One reply a round; those of one edge go in one job."""
        replies: list[ThresholdReply | None] = [None] * len(rounds)
        for edge, readout in dict.fromkeys((one.edge, one.readout) for one in rounds):
            places = [
                place
                for place, one in enumerate(rounds)
                if (one.edge, one.readout) == (edge, readout)
            ]
            asked = [rounds[place].round for place in places]
            oracle = self._oracle(edge)
            if readout:
                self.has_read = True
                read = oracle.readout(asked, self.solve.table.values.size)
                found = [ThresholdReply(hits, self._bins(cells)) for hits, cells in read]
            else:
                found = [ThresholdReply(hits) for hits in oracle.run(asked)]
            for place, reply in zip(places, found, strict=True):
                replies[place] = reply
        return tuple(one for one in replies if one is not None)

    def _oracle(self, edge: int) -> MeteredOracle:
        if edge not in self._made:
            solve = self.solve
            encoded = flagged(solve.encoding, solve.table, edge)
            self._require_known(encoded.bias_bound)
            if edge > 0:
                solve.encoded = encoded
            (stream,) = solve.rng.spawn(1)
            made = MeteredOracle(made_oracle(solve.backend, encoded, stream), solve.meter)
            self._require_same_decay(made.decay)
            self._made[edge] = made
        return self._made[edge]

    def _require_same_decay(self, decay: float) -> None:
        """Refuse a circuit that is noisier than the one which the search was told of."""
        first = next(iter(self._made.values()), None)
        if first is not None and decay != first.decay:
            msg = (
                f"{type(self.solve.backend).__name__} has a decay of {first.decay:.3g} at one "
                f"threshold and {decay:.3g} at another, and a search knows one: name the larger "
                "for all, such as decay= of Aer or Sampler"
            )
            raise Unsupported(msg)

    def _require_known(self, bias: float) -> None:
        """Refuse a tail that is off by more than the search was told."""
        if bias > self.bias + _ROUNDING:
            msg = (
                f"{type(self.solve.encoding).__name__} states some tails to within {bias:.3g} and "
                f"others to within {self.bias:.3g}: name an estimator=, which tests each by its own"
            )
            raise Unsupported(msg)

    def _bins(self, cells: tuple[int, ...]) -> tuple[int, ...]:
        """Between which edges the cells lie, for tables whose cells are in another order."""
        bins = self.solve.table.bins
        return cells if bins is None else tuple(bins[list(cells)].tolist())

    @property
    def _middle(self) -> int:
        return int(np.asarray(self.solve.table.edges).size // 2)


def flagged(encoding: Encoding, table: CellTable, edge: int) -> AmplitudeProblem:
    """A circuit whose flag is raised with P(loss > edge), where all cells are beyond it too."""
    encoded = encoding.encode(table, Tail(float(np.asarray(table.edges)[edge])))
    # a table of ones is encoded as an offset with a flag that never rises
    return complemented(encoded) if (encoded.offset, encoded.scale) == (1.0, 1.0) else encoded


def flags_are_tails(encoding: Encoding, table: CellTable) -> bool:
    """Whether a tail's flag is raised with its very probability, not with a function of it."""
    encoded = flagged(encoding, table, np.asarray(table.edges).size // 2)
    return (encoded.offset, encoded.scale) == (0.0, 1.0)


def tail_bias(encoding: Encoding, table: CellTable, edge: int) -> float:
    """The encoding's bias bound of the tail probability beyond an edge."""
    return encoding.encode(table, Tail(float(np.asarray(table.edges)[edge]))).bias_bound


def bias_lines(bias: float) -> tuple[BudgetLine, ...]:
    """What the encoding adds to each tail probability; the search's width already holds it."""
    if bias == 0.0:
        return ()
    note = f"each tail probability to within {bias:.3g}: counted in the threshold search"
    return (BudgetLine("encoding", "bound", 0.0, 0.0, note),)


def largest_bias(encoding: Encoding, table: CellTable) -> float:
    """The largest of these bounds; 0 where those of a few edges are, as exact encodings have it."""
    last = np.asarray(table.edges).size - 1
    # odd places: a tail from half or a quarter of the cells on is simple for any encoding
    few = {max(1, min(last - 1, place | 1)) for place in (1, last // 3, last // 2, 5 * last // 7)}
    if all(tail_bias(encoding, table, edge) <= _ROUNDING for edge in few):
        return 0.0
    return max(tail_bias(encoding, table, edge) for edge in range(1, last))


def require_no_search(search: ThresholdSearch | None) -> None:
    """Refuse a search that was asked for where a band of paths would leave it unused.

    Raises:
        Unsupported: naming it, and where it works.
    """
    if search is not None:
        msg = (
            f"search={search!r} works on tails that are exact, and those of this grid are "
            "corrected by a band of paths: leave search out, or take LawGrid where a law is known"
        )
        raise Unsupported(msg)


def require_early_reading(estimator: Estimator) -> None:
    """Refuse an estimator that a threshold search cannot use.

    Raises:
        Unsupported: when its interval may only be read at its end.
    """
    if not estimator.anytime_valid:
        msg = (
            f"a threshold search stops its tests early, and the interval of {estimator!r} may only "
            "be read at its end: take one that is anytime_valid, such as Iterative(), Certified(), "
            "ModifiedIterative() or Sampling(shots_per_round=1000)"
        )
        raise Unsupported(msg)
