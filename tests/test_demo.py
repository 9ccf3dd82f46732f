"""The main job, at its quick sizes: what it solves, prints and writes."""

import io
import json
import re
from html.parser import HTMLParser

import pytest

from qmc import data, demo
from qmc.report import compare, render_html
from qmc.tables import TextTable


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    return demo.run_demo(tmp_path_factory.mktemp("demo") / "report", seed=3, quick=True)


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.images = []
        self.links = []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "img":
            self.images.append(found)
        if tag in {"a", "link", "script"}:
            self.links.append(found.get("href") or found.get("src") or "")


def test_each_task_is_solved_three_ways(outcome):
    engines = [one.engine for one in outcome.solved]
    measures = [type(one.result.provenance.problem.measure).__name__ for one in outcome.solved]
    assert engines == ["analytic", "monte-carlo", "quantum"] * 3
    assert measures == ["Price"] * 3 + ["VaR"] * 3 + ["ES"] * 3
    assert {one.result.status for one in outcome.solved} == {"converged"}
    assert all(one.result.covers == "continuous" for one in outcome.solved)


def test_quantum_intervals_contain_the_exact_value(outcome):
    for exact, quantum in zip(outcome.solved[::3], outcome.solved[2::3], strict=True):
        assert quantum.result.interval.contains(exact.result.value)
        assert "Aer(" in quantum.result.provenance.engine


def test_problems_come_from_the_shipped_prices(outcome):
    prices = data.sp500_stocks()
    market = outcome.solved[0].result.provenance.problem.model
    assert market.spot == prices[demo.TICKER].iloc[-1]
    assert market.vol == data.annualised_volatility(prices, demo.TICKER)
    portfolio = outcome.solved[3].result.provenance.problem.contract
    assert portfolio.weights == (1.0 / prices.shape[1],) * prices.shape[1]


def test_screen_shows_budgets_and_winners(outcome):
    from rich.console import Console

    screen = io.StringIO()
    Console(width=140, file=screen).print(*outcome.renderables(), sep="\n")
    text = screen.getvalue()
    for words in ("Error budget of Price", "Error budget of VaR", "Error budget of ES"):
        assert words in text
    assert text.count("wins on queries") == 3
    assert text.count("wins on seconds") == 3
    assert "intervals contain the exact value" in text


def test_the_data_error_stands_beside_the_results(outcome):
    lines = outcome.data_error.lines
    for line, exact in zip(lines, outcome.solved[3::3], strict=True):
        assert line.value == pytest.approx(exact.result.value, rel=1e-9)
        assert line.measure == exact.result.provenance.problem.measure
    text = (outcome.folder / "index.html").read_text(encoding="utf-8")
    assert "Data error: what the history itself does not know" in text
    assert "It comes on top of an engine&#39;s interval" in text
    found = outcome.to_dict()["data_error"]["lines"][0]["interval"]
    assert found["low"] == lines[0].interval.low


def test_report_is_offline_with_alt_texts_seed_and_versions(outcome):
    text = (outcome.folder / "index.html").read_text(encoding="utf-8")
    page = _Page()
    page.feed(text)
    assert {image["src"] for image in page.images} == {
        "price.png", "var.png", "es.png", "losses.png", "convergence.png",
    }  # fmt: skip
    assert all(len(image["alt"]) > 20 for image in page.images)
    for name in [image["src"] for image in page.images] + page.links:
        assert (outcome.folder / name).stat().st_size > 1000
    assert "Seed 3, quick sizes" in text
    for name in ("qiskit-aer", "numpy", "platform"):
        assert name in text
    assert not re.search(r"https?://", text)


def test_outcome_is_json(outcome):
    found = outcome.to_dict()
    assert len(found["results"]) == 9
    assert len(found["convergence"]) == 2 * len(demo.QUICK.budgets) * demo.QUICK.seeds
    json.dumps(found)


def test_same_seed_gives_the_same_numbers(outcome, tmp_path):
    again = demo.run_demo(tmp_path, seed=3, quick=True)
    pairs = zip(outcome.solved, again.solved, strict=True)
    assert all(one.result.interval == other.result.interval for one, other in pairs)


def test_steps_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "_converge", lambda *rest: _stop())
    steps = []
    with pytest.raises(KeyboardInterrupt):
        demo.run_demo(tmp_path, quick=True, tell=steps.append)
    assert steps[0] == "reading prices"
    assert steps[-1].startswith("convergence")


def _stop():
    raise KeyboardInterrupt


def test_verdict_scales_paths_to_the_reached_half_width(outcome):
    classical, quantum = outcome.solved[1].result, outcome.solved[2].result
    verdict = compare(quantum, classical)
    ratio = classical.interval.half_width / quantum.interval.half_width
    assert verdict.paths == pytest.approx(classical.cost.queries * ratio**2)
    assert verdict.queries_winner == "quantum"
    assert verdict.seconds_winner == "classical"


def test_verdict_without_a_finite_half_width_decides_nothing(outcome):
    exact = outcome.solved[0].result
    verdict = compare(exact, outcome.solved[1].result)
    assert verdict.queries_winner == verdict.seconds_winner == "undecided"
    assert "no comparison" in str(verdict)


def test_report_escapes_its_values():
    table = TextTable("a <b> caption", ("name",), (("<script>",),), ("name",))
    section = demo.Section(title="t & t", text="", tables=(table,), pictures=())
    text = render_html(
        {
            "title": "x",
            "introduction": "",
            "calibration": "",
            "sections": (section,),
            "seed": 1,
            "quick": False,
            "machine": {},
        }
    )
    assert "<script>" not in text
    assert "a &lt;b&gt; caption" in text
    assert "t &amp; t" in text
