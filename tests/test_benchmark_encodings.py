"""The encodings suite in its small version."""

from benchmarks.suites import encodings


def test_rows_show_size_and_bias_and_resume():
    rows = list(encodings.run(1, True))
    by = {(row["case"], row["encoding"], row["qubits"]): row for row in rows}
    assert len(by) == len(rows) == 3 * (5 + 5 + 2) + 2 * 3
    for row in rows:
        if row["encoding"] == "multiplexed":
            # rotations whose Walsh coefficient is zero cost no CX
            full = row["CX"] == row["table CX"]
            assert full or (row["case"] == "digital 110" and row["CX"] < row["table CX"])
            assert row["bias"] == 0.0
    biases = [by["call 110", f"piecewise .25{more}", 5]["bias"] for more in ("", ", degree 3")]
    assert 10.0 * biases[1] < biases[0] < 0.05
    assert by["digital 110", "comparator", 5]["CX"] < 32
    assert not list(encodings.run(1, True, rows))
    assert len(list(encodings.run(1, True, rows[:-2]))) == 2
