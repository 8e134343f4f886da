"""The pictures show what the records say, as text and in the page's colours; without matplotlib a sentence does."""

import re
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import parity
from parity.comparison.distance import distance, sampled, ulps
from parity.records.record import Record
from parity.report import pictures
from parity.report.pictures import Picture, absent, drawn
from parity.report.pictures.stability import frontier
from tests.unit.recorded import failed, record

pytest.importorskip("matplotlib")
FACTS = ["reduction=mean", "weight", "float32", "large"]


def picture(slug: str, *records: Record) -> Picture:
    (found,) = [one for one in drawn(records) if one.slug == slug]
    return found


def some(number: int, **more: Any) -> list[Record]:
    """Points of two reductions, each with a part of the facts."""
    return [
        record(f"mean-float32-{one}", dtype="float32", facts=FACTS[: 1 + one % 4], distance=(1.5, 40.0), **more)
        for one in range(number)
    ]


def panels(found: Picture) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(one) for one in re.findall("<svg.*?</svg>", found.svg, re.DOTALL)]


def test_errors_against_the_exact_answer_stand_side_by_side() -> None:
    found = picture("accuracy", *some(5), record(implementation="textbook", distance=(9.0, 9.0)))
    assert found.facts == {
        "numpy": {"float32": {"nll_loss": {"points": 5, "median": [1.5, 40.0], "largest": [1.5, 40.0]}}}
    }
    for text in (">1.5</text>", ">40</text>", ">nll_loss</text>", ">▲ numpy</text>", ">▼ torch</text>"):
        assert text in found.svg
    assert "textbook" not in found.svg  # that is shown where it ends
    assert "nll_loss: 1.5 and 40" in found.svg


def test_errors_that_are_no_number_and_single_points_are_drawn() -> None:
    found = picture("accuracy", record(distance=(float("inf"), 0.0)))
    assert ">∞</text>" in found.svg
    assert found.facts["numpy"]["float32"]["nll_loss"]["points"] == 1


def test_headroom_tells_how_points_were_judged() -> None:
    own = record("sum-float32", lenient=1, worst={"output": 0.99}, ulp={"output": 3000.0})
    found = picture("headroom", record(), own, failed())
    assert found.facts["numpy"]["float32"]["nll_loss"] == {
        "points": 2, "90 % below": 0.5, "largest share": 0.5, "own allowance": 1,
        "largest ulp by own allowance": 3000.0, "unseen relative": 1.3e-6,
    }  # fmt: skip
    for text in (">0.50</text>", ">50.0 %</text>", ">11 ulp</text>"):
        assert text in found.svg


def test_pairs_show_coverage_and_where_failures_sit() -> None:
    wrong = failed("sum-float32", facts=FACTS[:2])
    found = picture("pairs", *some(8), wrong)
    shown = found.facts["nll_loss"]
    assert (shown["points"], shown["failing"], shown["failing pairs"]) == (9, 1, {})  # all have reduction=mean
    assert shown["words"] == ["weight", "float32", "large"]
    assert ">9 points, 1 fail</text>" in found.svg
    other = failed("sum-float64", facts=["weight", "large"], loss="kl_div")
    both = picture("pairs", *some(8), *some(8, loss="kl_div"), other)
    assert both.facts["kl_div"]["failing pairs"] == {"weight with large": 1}
    assert both.svg.index("kl_div") < both.svg.index("nll_loss")  # failures come first
    assert "Most failures: weight with large: 1." in both.svg


def test_the_frontier_is_measured() -> None:
    found = picture("frontier", record(loss="softmax"))
    assert list(found.facts) == ["softmax"]
    single = found.facts["softmax"]["float32"]
    assert 80 < single["textbook"]["output"]["no number from"] < 110  # exp overflows at 88.7
    assert single["numpy"]["output"]["no number from"] is None
    assert single["torch"]["output"]["no number from"] is None
    assert f">from {single['textbook']['output']['no number from']:.3g}</text>" in found.svg
    assert not [one for one in drawn([record()]) if one.slug == "frontier"]  # no textbook has nll_loss


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "binary_cross_entropy_with_logits", "cross_entropy"])
def test_what_the_frontier_asks_is_answered_on_all_sides(loss: str) -> None:
    for dtype in ("float32", "float16"):
        found = frontier(loss, dtype)
        assert set(found.errors) == {"textbook", "numpy", "torch"}
        assert found.errors["numpy"]["output"][0] < 10


def test_a_run_in_which_all_fails_and_one_without_records() -> None:
    assert [one.slug for one in drawn([failed(facts=[], worst={}, ulp={})])] == []
    assert [one.slug for one in drawn([failed(distance=(1e9, 0.5))])] == ["accuracy"]
    assert drawn([]) == []


def test_pictures_are_text_in_the_colours_of_the_page_and_fetch_nothing() -> None:
    nasty = "my<b> & $x^2$ lib\x1b"
    found = drawn([*some(8, implementation=nasty), record(loss="sigmoid", implementation=nasty, distance=(1.0, 1.0))])
    assert [one.slug for one in found] == ["pairs", "frontier", "accuracy", "headroom"]
    ids: list[str] = []
    for one in found:
        for panel in panels(one):
            assert panel.get("role") == "img"
            assert panel.get("viewBox", "").startswith("0 0 352 ")
            title, text = (panel.find(tag) for tag in ("title", "desc"))
            assert title is not None
            assert text is not None
            assert title.text
            assert text.text
            assert panel.get("aria-labelledby") == f"{title.get('id')} {text.get('id')}"
            ids += [str(element.get("id")) for element in panel.iter() if element.get("id")]
        assert not re.search(r"#[0-9a-f]{6}\b|url\(|https?:|<script|<style|<b>|\x1b", one.svg)
    assert len(ids) == len(set(ids))
    assert ">▲ my&lt;b&gt; &amp; $x^2$ lib" in found[2].svg


def test_without_matplotlib_a_sentence_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "find_spec", lambda name: None)
    assert drawn(some(3)) == []
    assert 'pip install "torch-parity[report]"' in absent()


def test_nothing_loads_matplotlib_before_a_picture_is_drawn() -> None:
    code = "import sys, parity.api, parity.report.pictures, parity.report.write; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_distance_is_that_of_the_worst_number_on_either_side() -> None:
    exact = np.array([1.0, 3.0, np.inf, 0.0])
    step = np.float32(2**-23)
    ours = np.array([1 + 3 * step, 3, 7, 0], np.float32)
    theirs = np.array([1, 3 + 2 * step, 9, 0], np.float32)
    assert distance(lambda: {"output": exact}, {"output": ours}, {"output": theirs}) == (3.0, 1.0)
    ours[1] = np.nan
    assert distance(lambda: {"output": exact}, {"output": ours}, {"output": theirs}) == (float("inf"), 1.0)
    assert distance(dict, {"output": ours}, {"output": theirs}) is None
    assert distance(lambda: {"output": exact}, {"output": ours[:2]}, {"output": theirs}) is None


def test_an_ulp_is_the_step_of_the_answers_dtype() -> None:
    for dtype, step in ((np.float16, 2**-10), (np.float32, 2**-23)):
        answer = np.array([2 + 2 * step], dtype)
        assert ulps(answer, np.array([2.0]))[0] == 1.0


def test_a_sample_of_the_points_is_measured_whatever_it_answers() -> None:
    def wrong(*arguments: Any, **options: Any) -> Any:
        return 1.01 * torch.nn.functional.l1_loss(*arguments, **options)

    only = "l1_loss/legacy flags override the reduction/*"
    right = parity.check("l1_loss", torch.nn.functional.l1_loss, framework="torch", only=only)
    measured = {record.id: record.distance for record in right.records if record.distance}
    assert set(measured) == {record.id for record in right.records if sampled(record.id) and record.compared}
    assert measured
    assert all(ours == theirs for ours, theirs in measured.values())
    found = parity.check("l1_loss", wrong, framework="torch", only=only)
    ours, theirs = max(record.distance for record in found.records if record.distance and record.dtype == "float32")
    assert ours > 1e4 > theirs
