"""Checks of loaders and encodings: their circuits against their own words, by state vectors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from qmc.backends.ideal import flag_probability
from qmc.backends.isa import preset_passes
from qmc.circuits import AmplitudeProblem, Encoding, LoadedLaw, Loader
from qmc.circuits.grover import BASIS, grover_operator
from qmc.errors import Unsupported
from qmc.grids.cell_table import CellTable
from qmc.measures import Excess, Functional, Mean, Tail
from qmc.problem import Array
from qmc.rounds import hit_probability
from qmc.testing.values import check_value

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit
    from qiskit.quantum_info import Statevector

_CLOSE = 1e-9
# neither the first qubits nor in order, with one to spare
_QUBITS = (2, 0, 3)
_SPARE = 1


def check_loader(loader: Loader) -> None:
    """A loader prepares the law it states, on the qubits it is given, and counts its CX.

    It is asked for laws of eight cells: equal, bell-shaped, lumpy, with empty cells. It may miss
    them; it may not misstate by how much.

    >>> from qmc.circuits import Tree
    >>> check_loader(Tree())
    """
    assert isinstance(loader, Loader), f"{loader!r} lacks loaded or append"
    check_value(loader)
    for name, law in _laws().items():
        kept = law.copy()
        loaded = loader.loaded(law)
        _check_stated(loaded, law, name)
        circuit = _appended(loader, law)
        assert np.array_equal(law, kept), "the loader changed the probabilities it was given"
        prepared = _state(circuit, f"the loader's circuit for the {name} law")
        found = prepared.probabilities(list(_QUBITS))
        assert np.allclose(found, loaded.probabilities, rtol=0.0, atol=_CLOSE), (
            f"{name} law: the circuit prepares {found.round(4)}, loaded() states "
            f"{loaded.probabilities.round(4)}; qubits are given lowest bit first"
        )
        untouched = prepared.probabilities([_SPARE])[0]
        assert untouched > 1.0 - _CLOSE, f"{name} law: a qubit was touched that was not given"
        gates = _two_qubit_gates(circuit)
        assert gates <= loaded.two_qubit_gates, (
            f"{name} law: two_qubit_gates={loaded.two_qubit_gates}, the circuit has {gates}"
        )
        assert circuit == _appended(loader, law), "append() twice gave different circuits"


def check_encoding(encoding: Encoding, table: CellTable | None = None) -> None:
    """An encoding's circuit carries the number it says, as nearly as it says.

    Mean, tail and excess are tried; one that is `Unsupported` is left out, all may not be. For
    each: sizes, the flag's probability by the state vector of A and after one Grover operator, the
    law of the value registers, the bound on the bias, the count of CX, and purity.

    Args:
        encoding: what is checked.
        table: what it encodes; None for made-up cells, two registers, values below and above 0.

    >>> from qmc import MultiplexedRotation
    >>> check_encoding(MultiplexedRotation())
    """
    assert isinstance(encoding, Encoding), f"{encoding!r} lacks encode(problem, functional)"
    check_value(encoding)
    table = made_up_table() if table is None else table
    supported = 0
    for functional in _functionals(table):
        try:
            encoded = encoding.encode(table, functional)
        except Unsupported:
            continue
        supported += 1
        where = f"{encoding!r} of {functional!r}"
        _check_sizes(encoded, table, where)
        _check_amplitude(encoded, table, functional, where)
        again = encoding.encode(table, functional)
        same = (again.offset, again.scale, again.circuit)
        assert same == (encoded.offset, encoded.scale, encoded.circuit), (
            f"{where}: encode() twice gave different problems"
        )
    assert supported, f"{encoding!r} encodes neither mean nor tail nor excess of the table"


def made_up_table() -> CellTable:
    """Eight cells of two registers, in order of their values, with edges between."""
    values = np.array([-2.0, -0.5, 0.0, 0.0, 1.0, 2.5, 3.0, 8.0])
    between = 0.5 * (values[1:] + values[:-1])
    return CellTable(
        registers=(1, 2),
        marginals=(np.array([0.3, 0.7]), np.array([0.1, 0.4, 0.2, 0.3])),
        values=values,
        bias="exact",
        bias_bound=0.0,
        edges=np.array([-math.inf, *between, math.inf]),
    )


def _laws() -> dict[str, Array]:
    places = np.linspace(-1.75, 1.75, 8)
    shapes = {
        "equal": np.ones(8),
        "bell-shaped": np.exp(-(places**2)),
        "lumpy": np.array([5.0, 1.0, 2.0, 8.0, 1.0, 3.0, 13.0, 7.0]),
        "partly empty": np.array([0.0, 1.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0]),
    }
    return {name: shape / shape.sum() for name, shape in shapes.items()}


def _functionals(table: CellTable) -> Iterator[Functional]:
    yield Mean()
    if table.edges is not None:
        middle = float(table.edges[table.values.size // 2])
        yield Tail(middle)
        yield Excess(middle)


def _check_stated(loaded: LoadedLaw, law: Array, name: str) -> None:
    assert isinstance(loaded, LoadedLaw), f"loaded() gave {loaded!r}: must be a LoadedLaw"
    stated = np.asarray(loaded.probabilities)
    assert stated.shape == law.shape, f"loaded() gave shape {stated.shape}: must be {law.shape}"
    whole = bool(np.all(stated >= 0.0)) and math.isclose(stated.sum(), 1.0, abs_tol=_CLOSE)
    assert whole, f"{name} law: loaded() gave {stated}: must be 0 or above and sum to 1"
    distance = 0.5 * float(np.abs(stated - law).sum())
    assert loaded.total_variation >= distance - _CLOSE, (
        f"{name} law: total_variation={loaded.total_variation}, but it is {distance:.6g}"
    )


def _appended(loader: Loader, law: Array) -> QuantumCircuit:
    from qiskit.circuit import QuantumCircuit

    circuit = QuantumCircuit(len(_QUBITS) + 1)
    loader.append(circuit, _QUBITS, law)
    return circuit


def _check_sizes(encoded: AmplitudeProblem, table: CellTable, where: str) -> None:
    kind = type(encoded).__name__
    assert isinstance(encoded, AmplitudeProblem), f"{where} is a {kind}: must be AmplitudeProblem"
    assert encoded.registers == table.registers, f"{where}: registers={encoded.registers}"
    count = encoded.num_qubits
    outside = table.num_qubits <= encoded.flag < count
    assert outside, f"{where}: flag={encoded.flag}: must be behind the value registers"
    given = encoded.circuit.num_qubits
    assert given == count, f"{where}: the circuit has {given} qubits, num_qubits={count}"
    numbers = (encoded.offset, encoded.scale, encoded.bias_bound)
    sound = all(map(math.isfinite, numbers)) and encoded.scale != 0.0 and encoded.bias_bound >= 0.0
    assert sound, f"{where}: offset, scale, bias_bound = {numbers}: must be finite, scale not 0"
    most, gates = encoded.most_two_qubit_gates, _two_qubit_gates(encoded.circuit)
    assert most is None or gates <= most, f"{where}: {gates} CX, most_two_qubit_gates={most}"


def _check_amplitude(
    encoded: AmplitudeProblem, table: CellTable, functional: Functional, where: str
) -> None:
    """The number, its bound, the stated amplitude, the stated law, and one Grover operator."""
    prepared = _state(encoded.circuit, f"the circuit of {where}")
    amplitude = float(prepared.probabilities([encoded.flag])[1])
    stated = flag_probability(encoded)
    assert abs(stated - amplitude) <= _CLOSE, (
        f"{where}: the circuit's flag has probability {amplitude:.9g}, stated is {stated:.9g}"
    )
    truth = float(table.probabilities @ table.outcomes(functional))
    off, rounding = abs(encoded.value(amplitude) - truth), _CLOSE * abs(encoded.scale)
    assert off <= encoded.bias_bound + rounding, (
        f"{where}: offset + scale * amplitude is {off:.6g} off {truth:.6g}, "
        f"bias_bound={encoded.bias_bound:.6g}"
    )
    if encoded.probabilities is not None:
        law = prepared.probabilities(list(range(table.num_qubits)))
        same = np.allclose(law, encoded.probabilities, rtol=0.0, atol=_CLOSE)
        assert same, f"{where}: the value registers have another law than `probabilities`"
    turned = grover_operator(encoded, ancilla=False)
    after = _state(encoded.circuit.compose(turned), f"A and one Grover operator of {where}")
    raised, wanted = float(after.probabilities([encoded.flag])[1]), hit_probability(amplitude, 1)
    assert abs(raised - wanted) <= _CLOSE, (
        f"{where}: one Grover operator raises the flag to {raised:.9g}: must be {wanted:.9g}"
    )


def _state(circuit: QuantumCircuit, what: str) -> Statevector:
    """The state vector, of a circuit that can be run backwards."""
    from qiskit.exceptions import QiskitError
    from qiskit.quantum_info import Statevector

    try:
        circuit.inverse()
        return Statevector(circuit)
    except QiskitError as error:
        msg = f"{what} has no inverse: gates only, neither measurement nor reset ({error})"
        raise AssertionError(msg) from error


def _two_qubit_gates(circuit: QuantumCircuit) -> int:
    """CX after compilation, all-to-all."""
    return int(preset_passes(BASIS, 1).run(circuit).count_ops().get("cx", 0))
