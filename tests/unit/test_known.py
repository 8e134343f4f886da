"""A baseline: what is known is excused at its points, and everything else is told, both ways."""

from pathlib import Path
from typing import Any

import pytest

import parity
from parity import losses
from parity.causes.known import Baseline, Unusable, read_baseline, write_baseline
from parity.records.mismatch import Kind, Mismatch, Subject
from parity.records.record import Record
from tests.planted.checking import MSE
from tests.unit.recorded import record

REASON = 'reason: ""'


def raising(choice: str, error: str = "ValueError: no halves", **more: Any) -> Record:
    mismatch = Mismatch(Subject.OUTPUT, Kind.RAISES, figures={"error": error}, seed=0)
    return record(choice, "mylib", **{"verdict": "failed", "mismatches": [mismatch], "facts": ["float16"], **more})


def known(tmp_path: Path, *records: Record) -> Baseline:
    """The baseline of these records, with a reason."""
    path = tmp_path / "known.yaml"
    write_baseline(path, records)
    path.write_text(path.read_text().replace(REASON, 'reason: "no halves yet"'))
    return read_baseline(path)


def judged(baseline: Baseline, one: Record) -> Record:
    baseline.judge(one)
    return one


def test_a_known_failure_is_an_expected_one(tmp_path: Path) -> None:
    one = judged(known(tmp_path, raising("mean-float16"), record(implementation="mylib")), raising("mean-float16"))
    assert (one.verdict, one.reason) == ("xfailed", "no halves yet")


def test_a_known_failure_that_does_not_come_is_a_failure(tmp_path: Path) -> None:
    baseline = known(tmp_path, raising("mean-float16"))
    passing = judged(baseline, record("mean-float16", "mylib"))
    assert passing.verdict == "xpassed"
    assert "no halves yet" in str(passing)
    left = judged(baseline, record("mean-float16", "mylib", verdict="not offered", reason="it lacks float16"))
    assert left.verdict == "error"
    assert "does not come" in str(left)


def test_a_known_failure_elsewhere_or_another_is_told(tmp_path: Path) -> None:
    baseline = known(tmp_path, raising("mean-float16"))
    elsewhere = judged(baseline, raising("sum-float16"))
    assert elsewhere.verdict == "failed"
    assert "a known failure, at another point" in str(elsewhere)
    another = judged(baseline, raising("mean-float16", "KeyError: float16"))
    assert another.verdict == "failed"
    assert "known to fail in another way" in str(another)
    others = judged(baseline, record("mean-float16", "another library"))
    assert others.verdict == "passed"


def test_a_point_that_is_gone_is_told_where_its_loss_was_run(tmp_path: Path) -> None:
    baseline = known(tmp_path, raising("mean-float16"), raising("sum-float16"))
    (gone,) = baseline.gone({("mylib", "nll_loss"): {"nll_loss/plain grid/sum-float16"}})
    assert "is at a point that is gone: nll_loss/plain grid/mean-float16" in gone
    assert list(baseline.gone({("mylib", "mse_loss"): set()})) == []
    assert list(baseline.gone({("another", "nll_loss"): {"nll_loss/a/b"}})) == []


def test_an_empty_reason_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "known.yaml"
    assert "1 known failure to" in write_baseline(path, [raising("mean-float16")])
    with pytest.raises(Unusable, match=r"known.yaml:7:13: the reason is empty: say why this is known"):
        read_baseline(path)


def test_reasons_are_kept_where_the_file_is_written_anew(tmp_path: Path) -> None:
    known(tmp_path, raising("mean-float16"))
    path = tmp_path / "known.yaml"
    passing = record("none-float64", "mylib", verdict="xpassed", reason="an expected failure that is none")
    said = write_baseline(path, [raising("mean-float16"), raising("sum-float32", "KeyError", loss="mse_loss"), passing])
    assert "wrote 2 known failures" in said
    assert said.endswith("fill in the reason of 1 of them")
    assert path.read_text().count("no halves yet") == 1


def test_what_is_known_of_other_losses_stays(tmp_path: Path) -> None:
    known(tmp_path, raising("mean-float16"), raising("sum-float16", "KeyError: 0", loss="mse_loss"))
    path = tmp_path / "known.yaml"
    assert write_baseline(path, [record("mean-float16", "mylib")]).startswith("wrote 1 known failure to")
    assert [one.losses for one in read_baseline(path).known] == [{"mse_loss"}]


def test_what_is_no_baseline_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_text("loss: mse_loss\n")
    with pytest.raises(Unusable, match="is there and is no baseline"):
        write_baseline(path, [raising("mean-float16")])
    with pytest.raises(Unusable, match="unknown key 'loss'"):
        read_baseline(path)
    with pytest.raises(Unusable, match="is not there"):
        read_baseline(tmp_path / "nope.yaml")
    with pytest.raises(Unusable, match="cannot be written"):
        write_baseline(tmp_path / "no" / "folder.yaml", [])


def test_nothing_known_is_a_baseline_too(tmp_path: Path) -> None:
    assert known(tmp_path).known == []


def test_the_file_is_the_same_each_time(tmp_path: Path) -> None:
    records = [raising(f"{word}-float16") for word in ("sum", "none", "mean")]
    write_baseline(tmp_path / "a.yaml", records)
    write_baseline(tmp_path / "b.yaml", records[::-1])
    assert (tmp_path / "a.yaml").read_text() == (tmp_path / "b.yaml").read_text()


def doubled(**arguments: Any) -> Any:
    """mse whose mean is twice as large."""
    output, vjp = losses.mse_loss(**arguments)
    return output * 2 if arguments.get("reduction") == "mean" else output, vjp


def test_check_honours_a_baseline_both_ways(tmp_path: Path) -> None:
    cases, path = tmp_path / "mse_loss.yaml", tmp_path / "known.yaml"
    cases.write_text(MSE)

    def check(function: Any, **more: Any) -> parity.Report:
        return parity.check("mse_loss", function, cases=cases, seeds=1, **more)

    with pytest.raises(ValueError, match="is not there; --write-baseline"):
        check(doubled, baseline=path)
    found = check(doubled)
    assert not found
    assert "1 known failure to" in found.write_baseline(path)
    with pytest.raises(ValueError, match="the reason is empty"):
        check(doubled, baseline=path)
    path.write_text(path.read_text().replace(REASON, 'reason: "twice as ever"'))
    known = check(doubled, baseline=path)
    assert known.ok
    assert known.count("xfailed") == found.count("failed") > 0
    mended = check(losses.mse_loss, baseline=str(path))
    assert (mended.ok, mended.count("xpassed")) == (False, found.count("failed"))
    assert not check(lambda **given: doubled(**{**given, "reduction": "mean"}), baseline=path).ok
    path.write_text(
        path.read_text().replace('points:\n      "', 'points:\n      "mse_loss/no more": ["sum-float32"]\n      "')
    )
    assert "is at a point that is gone: mse_loss/no more/sum-float32" in str(check(doubled, baseline=path))
    some = check(doubled, baseline=path, only="reduction=mean")
    assert some.ok
    with pytest.raises(ValueError, match="only some of them were run"):
        some.write_baseline(path)
