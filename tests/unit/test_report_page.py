"""What the page is filled with: its points as data, how they were judged, examples asked again, an earlier run."""

import json
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

import parity
from parity.causes.example import Example
from parity.causes.group import causes
from parity.records.record import Record
from parity.report import again
from parity.report.__main__ import KEPT, main
from parity.report.again import ASKED, asked_again
from parity.report.judged import Judged, bounded, judged
from parity.report.page import points
from parity.report.text import coded, ulps
from tests.unit.recorded import failed, record, written


def page_of(folder: Path, *records: Record, **more: Any) -> str:
    """The page of these records."""
    path = written(folder / "results.jsonl", *records, end=1, **more)
    main([str(path), "--to", str(folder)])
    return (folder / "parity.html").read_text(encoding="utf-8")


def embedded(page: str) -> Any:
    """The points that a page holds."""
    data = page.partition('<script id="data" type="application/octet-stream">')[2].partition("</script>")[0]
    return json.loads(zlib.decompress(b64decode(data), wbits=-zlib.MAX_WBITS))


def test_causes_come_first_and_their_points_on_demand(tmp_path: Path) -> None:
    several = [failed(f"{number}-float32", "it is wrong", facts=["weight"]) for number in range(40)]
    page = page_of(tmp_path, *several, *map(record, "abcdefghi"))
    text = (tmp_path / "parity.md").read_text()
    assert "nll_loss: 40 points: it is wrong: only with weight; 9 other points agree" in text
    assert text.index("it is wrong: only with weight") < text.index("A cell")
    assert "<strong>only with weight</strong>" in page
    assert page.index("it is wrong") < page.index('id="matrix"')
    assert page.count("<details open>") == 1
    assert '<a href="#causes">Causes</a>' in page
    assert page.count("it is wrong") < 10


def test_the_data_say_what_the_records_say(tmp_path: Path) -> None:
    odd = record("c-float32", ulp={"output": float("inf"), "input": float("nan")}, notes=["told"])
    odd.id = "elsewhere"
    some = [record("a-float32", facts=["weight"]), failed("b-float32", "it\nis wrong"), odd]
    data = embedded(page_of(tmp_path, *some))
    column, names, texts = data["points"], data["names"], data["texts"]
    ids = [
        data["scenarios"][one][3] + data["choices"][two]
        for one, two in zip(column["scenario"], column["choice"], strict=True)
    ]
    by_id = {id: place for place, id in enumerate(ids)}
    assert by_id.keys() == {one.id for one in some}
    first, second, third = (by_id[one.id] for one in some)
    assert [names[place] for place in column["verdict"]].count("failed") == 1
    assert [data["words"][word] for word in data["facts"][column["facts"][first]]] == ["weight"]
    assert column["errors"][first] == [1, 0.3, 2, 0.5]
    assert column["errors"][third] == [-1, 0.3, -2, 0.5]
    assert [texts[place] for place in column["differs"][second]] == ["it\n  is wrong (seed 1)"]
    assert [texts[place] for place in column["notes"][third]] == ["told"]
    assert [column["cause"][place] for place in (first, second, third)] == [0, 1, 0]


def test_a_page_of_very_many_mismatches_leaves_out_sentences_and_no_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "SENTENCES", 300)
    many = [failed(f"{number}-float32", "x" * 80) for number in range(9)] + [failed("y-float32", "y" * 80)]
    data = embedded(page_of(tmp_path, *many))
    differs = data["points"]["differs"]
    assert len(differs) == 10
    assert sum(map(bool, differs)) == 3
    assert {data["texts"][one[0]][0] for one in differs if one} == {"x", "y"}


def test_how_a_point_was_judged() -> None:
    exact: dict[str, Any] = {"worst": {"output": 0.0}, "ulp": {"output": 0.0}}
    far = {"output": 5e7}
    some = [
        (record(), Judged.BOUND), (record(**exact), Judged.EXACT), (record(lenient=2), Judged.MEASURED),
        (record(worst={}, raises="ValueError"), Judged.ALIKE), (record(ulp=far), Judged.OWN),
        (record(ulp=far, dtype="int64"), Judged.BOUND), (failed(), None),
    ]  # fmt: skip
    assert [judged(one) for one, _ in some] == [how for _, how in some]
    assert bounded(one for one, _ in some) == 5e7
    assert bounded([record(), record(lenient=1, ulp={"output": 99.0}), record(**exact)]) == 2.0
    assert bounded([failed()]) is None


def test_what_cannot_be_asked_again_says_how_to_get_it(tmp_path: Path) -> None:
    found = causes([failed(f"{loss}-float32", f"it {loss}", loss=loss) for loss in "abcde"])
    said = asked_again(found, {"implementations": ["nowhere.at:ALL", "numpy"]})
    assert len(said) == len(found) > ASKED
    assert not any(isinstance(one, Example) for one in said.values())
    assert str(said[0]).startswith("No smaller example: mine/nll_loss.yaml is not here. `parity show 'a/plain grid/")
    assert all("mine/nll_loss.yaml is not here" in str(one) for one in said.values())
    strange = asked_again(causes([failed(implementation="x")]), {})
    assert "x cannot be imported here" in str(strange[0])
    assert "MODULE:FUNCTION of x` shows its numbers." in str(strange[0])


def test_every_cause_has_a_program_as_far_as_time_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
        return F.mse_loss(input, target, **options) + 1

    report = parity.check("mse_loss", wrong, framework="torch", only="*errors of every size*float32", seeds=1)
    many = [report.causes[0]] * (ASKED + 2)
    found = asked_again(many, {})
    assert all(isinstance(one, Example) and one.snippet for one in found.values())
    monkeypatch.setattr(again, "REST", 0.0)
    found = asked_again(many, {})
    assert isinstance(found[ASKED - 1], Example)
    assert str(found[ASKED]).startswith("No program is made for it, since those of the causes before it took 0 s.")


def test_the_page_says_what_has_changed_since_the_kept_run(tmp_path: Path) -> None:
    written(tmp_path / KEPT, record("b-float32"), record("a-float32"), end=0, date="2026-01-02T03:04:05+00:00")
    page = page_of(tmp_path, record("a-float32"), failed("b-float32"))
    assert "1 point newly failing." in page
    assert "2026-01-02 03:04" in page
    assert '<a href="#point=nll_loss/plain%20grid/b-float32&amp;by=numpy">' in page
    assert page.index('id="since"') < page.index('id="causes"') < page.index('id="matrix"')
    (tmp_path / KEPT).unlink()
    assert 'id="since"' not in page_of(tmp_path, record())


def test_an_earlier_run_that_cannot_be_read_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "results.jsonl", record())
    assert main([str(path), "--to", str(tmp_path), "--since", str(tmp_path / "none.jsonl")]) == 1
    assert "--since: " in capsys.readouterr().err
    (tmp_path / KEPT).write_text("no records\n")  # none was asked for
    assert main([str(path), "--to", str(tmp_path)]) == 0


def test_words_of_the_page() -> None:
    assert coded("see `parity show 'a<b'` or <i>") == "see <code>parity show &#39;a&lt;b&#39;</code> or &lt;i&gt;"
    assert [ulps(value) for value in (0.0, 1.25, 19.0, 571.2, 12345.0, 4e38, float("inf"))] == [
        "0 ulp", "1.2 ulp", "19 ulp", "571 ulp", "12,345 ulp", "4e+38 ulp", "∞ ulp",
    ]  # fmt: skip
