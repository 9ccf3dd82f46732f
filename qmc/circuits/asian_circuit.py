"""The circuit of an arithmetic random walk's average: adders, a comparison and a rotation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from qmc.circuits.adders import adder_ancillas, append_add
from qmc.circuits.linearisation import Linearisation
from qmc.circuits.loaders import load
from qmc.circuits.pieces import append_piecewise_rotation, rotation_ancillas

if TYPE_CHECKING:
    from qiskit.circuit import QuantumCircuit

    from qmc.circuits.arithmetic_asian import ArithmeticAsian


class Layout(NamedTuple):
    """Which qubits hold what; the steps come first, date by date.

    Attributes:
        registers: qubits of each date, its step's first, lowest bit first.
        widths: of each date's register, how many hold its price, and how many the running sum.
        flag: the rotated qubit.
        ancillas: clean qubits of additions and comparison.
        num_qubits: of the circuit.
    """

    registers: tuple[tuple[int, ...], ...]
    widths: tuple[tuple[int, int], ...]
    flag: int
    ancillas: range
    num_qubits: int


def layout(option: ArithmeticAsian) -> Layout:
    """Widen each date's step to its price and to its running sum of prices, then ancillas."""
    dates, most = range(1, option.dates + 1), 2**option.qubits - 1
    widths = [((most * t).bit_length(), (most * t * (t + 1) // 2).bit_length()) for t in dates]
    flag = option.dates * option.qubits
    free, registers = flag + 1, []
    for date, (_, wide) in enumerate(widths):
        first, extra = date * option.qubits, wide - option.qubits
        registers.append((*range(first, first + option.qubits), *range(free, free + extra)))
        free += extra
    needed = rotation_ancillas(widths[-1][1], option.pieces)
    for date in range(1, option.dates):
        for kind in (0, 1):
            before, after = widths[date - 1][kind], widths[date][kind]
            needed = max(needed, adder_ancillas(before, after))
    ancillas = range(free, free + needed)
    return Layout(tuple(registers), tuple(widths), flag, ancillas, free + needed)


def asian_circuit(option: ArithmeticAsian, line: Linearisation) -> QuantumCircuit:
    """Steps loaded, added up twice, compared and rotated, and the additions undone."""
    from qiskit.circuit import QuantumCircuit

    qubits = layout(option)
    circuit = QuantumCircuit(qubits.num_qubits, name="A")
    sums = circuit.copy_empty_like()
    for register in qubits.registers:
        load(circuit, register[: option.qubits], option.step_probabilities)
    # first the prices, then the running sums of prices, each date from the one before
    for kind in (0, 1):
        for date in range(1, option.dates):
            before, after = (
                qubits.registers[each][: qubits.widths[each][kind]] for each in (date - 1, date)
            )
            append_add(sums, before, after, qubits.ancillas)
    circuit.compose(sums, inplace=True)
    append_piecewise_rotation(
        circuit, qubits.registers[-1], option.pieces, line, qubits.flag, qubits.ancillas
    )
    # every gate of an addition is its own inverse
    circuit.compose(sums.reverse_ops(), inplace=True)
    return circuit
