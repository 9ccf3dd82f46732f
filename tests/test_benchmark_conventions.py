"""The conventions of other libraries: each number is rebuilt from its rule in words."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import app
from benchmarks.suites import conventions


@pytest.mark.filterwarnings("ignore")  # what the libraries import warns
def test_every_installed_library_is_rebuilt_and_the_others_say_so(tmp_path):
    done = CliRunner().invoke(app, ["run", "conventions", "--small", "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in (tmp_path / "conventions.jsonl").read_text().splitlines()]
    assert len(rows) == len(conventions.PEERS)
    for row in rows:
        expected = ("-", "-") if row["theirs"] == "not installed" else ("yes", row["difference"])
        assert (row["rebuilt"], row["difference"]) == expected
    ours = [row for row in rows if row["library"].startswith("skfolio")]
    assert [row["difference"] for row in ours] == ["none", "none"]


def test_rules_on_a_series_that_can_be_counted():
    """Losses 20 to 1, level .875: 2.5 losses beyond it."""
    losses = np.arange(20.0, 0.0, -1.0)
    found = {
        (peer.library.package, peer.call): peer.rule(losses, 0.875) for peer in conventions.PEERS
    }
    by_hand = {
        "value_at_risk(returns, beta=level)": 18.0,
        "cvar(returns, beta=level)": (20.0 + 19.0 + 0.5 * 18.0) / 2.5,
        "VaR_Hist(returns, alpha=1 - level)": 18.0,
        "value_at_risk(returns, cutoff=1 - level)": 17.625,
        "conditional_value_at_risk(returns, cutoff=1 - level)": 19.0,
        'cvar(returns, confidence=level, method="historical")': 19.0,
        "RiskStatistics().valueAtRisk(level)": 18.0,
        "RiskStatistics().expectedShortfall(level)": 19.5,
    }
    for (_, call), value in found.items():
        if call in by_hand:
            assert value == pytest.approx(by_hand[call]), call
    whole = {peer.call: peer.rule(losses, 0.9) for peer in conventions.PEERS}
    assert whole["VaR_Hist(returns, alpha=1 - level)"] == 19.0
    assert whole["RiskStatistics().valueAtRisk(level)"] == 18.0
