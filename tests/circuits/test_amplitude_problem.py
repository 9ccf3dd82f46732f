"""An amplitude problem of one's own: fields are checked when made, the circuit when built."""

import math

import numpy as np
import pytest
from qiskit.circuit import Parameter, QuantumCircuit

from qmc.circuits import AmplitudeProblem
from qmc.errors import InvalidProblem

NAN = float("nan")


def made(**fields):
    """Two qubits and a flag; P(flag = 1) = .5."""

    def build():
        circuit = QuantumCircuit(3)
        circuit.h(2)
        return circuit

    given = {"registers": (2,), "flag": 2, "num_qubits": 3, "offset": 0.0, "scale": 2.0}
    return AmplitudeProblem(**{**given, "build": build, **fields})


def test_a_sound_problem_of_ones_own_is_taken():
    assert made(registers=[1, 1], offset=1).registers == (1, 1)
    assert made(registers=(), scale=-3).scale == -3.0
    assert made().circuit.num_qubits == 3
    table = made(probabilities=np.full(4, 0.25), flags=np.full(4, 0.5), amplitude=0.5)
    assert table.value(table.amplitude) == 1.0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"scale": NAN}, "scale=nan"),
        ({"scale": 0.0}, "scale=0.0: must be other than 0"),
        ({"scale": math.inf}, "scale=inf"),
        ({"scale": "2"}, "scale='2'"),
        ({"offset": NAN}, "offset=nan"),
        ({"bias_bound": -1.0}, r"bias_bound=-1\.0: must be 0 or above"),
        ({"bias_bound": NAN}, "bias_bound=nan"),
        ({"num_qubits": 0}, "num_qubits=0"),
        ({"num_qubits": 3.0}, r"num_qubits=3\.0"),
        ({"flag": 3}, "flag=3: must be a whole number from 0 to 2"),
        ({"flag": -1}, "flag=-1"),
        ({"registers": (2, 2)}, r"registers=\(2, 2\): must be .* at most num_qubits=3"),
        ({"registers": (0, 2)}, r"registers\[0\]=0"),
        ({"registers": 2}, "registers=2"),
        ({"build": QuantumCircuit(3)}, "build=.*: must be a function without arguments"),
        ({"most_two_qubit_gates": -1}, "most_two_qubit_gates=-1"),
        ({"amplitude": 1.5}, r"amplitude=1\.5: must be from 0 to 1"),
        ({"amplitude": NAN}, "amplitude=nan"),
        ({"flags": np.zeros(4)}, "probabilities=None: must be given where the other is"),
        ({"probabilities": np.full(4, 0.25)}, "flags=None: must be given where the other is"),
        ({"probabilities": np.full(2, 0.5), "flags": np.zeros(2)}, "must be 4 of each"),
        ({"probabilities": np.full(4, 0.25), "flags": np.zeros(2)}, "must be 4 of each"),
        ({"probabilities": np.full(4, 0.3), "flags": np.zeros(4)}, "probabilities=1.2: must be 0"),
        ({"probabilities": np.full(4, 0.25), "flags": np.full(4, 1.1)}, "flags=.*from 0 to 1"),
        ({"probabilities": np.full(4, NAN), "flags": np.zeros(4)}, r"probabilities\[0\]=nan"),
    ],
)
def test_wrong_fields_are_refused_by_name(fields, told):
    with pytest.raises(InvalidProblem, match=told):
        made(**fields)


def circuit(qubits=3, bits=0, **gates):
    found = QuantumCircuit(qubits, bits)
    for name, given in gates.items():
        getattr(found, name)(*given)
    return found


@pytest.mark.parametrize(
    ("built", "told"),
    [
        (None, r"build\(\)=None: must be a qiskit QuantumCircuit"),
        (circuit(2), "a circuit on 2 qubits.*must be on 3 qubits.*every ancilla"),
        (circuit(4), "a circuit on 4 qubits"),
        (circuit(bits=1, measure=(2, 0)), r"build\(\)='measure': must be unitary gates only"),
        (circuit(reset=(2,)), "'reset': must be unitary"),
        (circuit(initialize=("1", 2)), "'initialize': must be unitary"),
        (circuit(bits=1), "'1 classical bits': must be unitary"),
        (circuit(ry=(Parameter("angle"), 2)), "'angle': must be without free parameters"),
    ],
)
def test_a_wrong_circuit_is_refused_when_it_is_first_built(built, told):
    problem = made(build=lambda: built)
    with pytest.raises(InvalidProblem, match=told):
        _ = problem.circuit
