"""Whole texts as a user reads them: what each kind of failure says, and the report. The files are in golden/."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from parity import losses
from parity.cases.points import Point
from parity.engine.run import run_point
from parity.implementations.declaration import Implementation
from parity.records.mismatch import Kind, Mismatch, Nearer, Subject
from parity.records.read import Results
from parity.records.record import Record
from parity.report.coverage import Coverage
from parity.report.tables import tables
from parity.report.write import render
from parity.types import Array, Gradients, Result

# Numbers whose every result is exact in float32: the text is the same on any processor.
CASES = """
loss: mse_loss
cases:
  - name: some numbers
    given: {input: [[1.0, 2.0], [0.5, 4.0]], target: [[0.0, 4.0], [0.5, 1.0]], grad_output: GRAD_OUTPUT}
    across: {reduction: [REDUCTION]}
"""


def changed(**answers: Callable[[Any], Any]) -> Callable[..., Result]:
    """mse_loss with some of its answers changed: `output` or a gradient, by argument name."""

    def loss(**arguments: Any) -> Result:
        output, vjp = losses.mse_loss(**arguments)

        def backward(grad_output: Array) -> Gradients:
            found = vjp(grad_output)
            return {name: answers[name](found[name]) if name in answers else found[name] for name in found}

        return (answers["output"](output) if "output" in answers else output), backward

    return loss


def overwriting(**arguments: Any) -> Result:
    result = losses.mse_loss(**{name: np.array(value) for name, value in arguments.items() if name != "reduction"},
                             reduction=arguments["reduction"])  # fmt: skip
    arguments["input"] -= arguments["target"]
    return result


def without_target(**arguments: Any) -> Result:
    output, vjp = losses.mse_loss(**arguments)
    return output, lambda grad_output: {"input": vjp(grad_output)["input"]}


def raising(**arguments: Any) -> Result:
    raise NotImplementedError("no kernel for a matrix of 2 x 2")


def one_nan(array: Array) -> Array:
    array[0, 1] = np.nan
    return array


WRONG: list[tuple[str, str, Callable[..., Any]]] = [
    ("a factor", "mean", changed(output=lambda x: x * np.float32(1.25), input=lambda x: x * np.float32(1.25))),
    ("grad_output is ignored", "none", lambda **a: (losses.mse_loss(**a)[0],
                                                    lambda g: losses.mse_loss(**a)[1](np.ones_like(g)))),
    ("the sign", "mean", changed(target=np.negative)),
    ("one number is off", "none", changed(output=lambda x: x + np.float32([[0, 0], [0, 0.5]]))),
    ("one number is nan", "none", changed(output=one_nan)),
    ("the dtype", "mean", changed(output=np.float64)),
    ("the shape", "mean", changed(output=np.atleast_1d)),
    ("a missing gradient", "mean", without_target),
    ("it raises", "mean", raising),
    ("it overwrites its input", "mean", overwriting),
    ("nothing is wrong, though it is expected to be", "mean", losses.mse_loss),
]  # fmt: skip


def test_what_a_failure_says(
    points: Callable[[str], list[Point]], golden: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    told = []
    for what, reduction, function in WRONG:
        grad_output = "[[1.0, -2.0], [0.5, 4.0]]" if reduction == "none" else "2.0"
        (point,) = points(CASES.replace("REDUCTION", reduction).replace("GRAD_OUTPUT", grad_output))
        expected = {"*": "it is not done yet"} if function is losses.mse_loss else {}
        library = Implementation("mylib", losses={"mse_loss": function}, expected_failures=expected, origin="mylib:ALL")
        text = str(run_point(point, library, range(1)))
        told.append(f"{what}\n{'-' * len(what)}\n{text}\n")
    # where the files are, and at which line this one raises, is no part of the text
    golden("failures.txt", re.sub(r"\.py:\d+", ".py:LINE", "\n".join(told).replace(f"{tmp_path}/", "cases/")))


def record(scenario: str, choice: str, implementation: str = "numpy", loss: str = "nll_loss", **more: Any) -> Record:
    fields: dict[str, Any] = {
        "path": f"cases/{loss}.yaml", "line": 3, "dtype": choice.rpartition("-")[2], "seeds": [0, 1, 2],
        "worst": {"output": 0.25, "input": 0.5}, "ulp": {"output": 1.0, "input": 2.0}, **more,
    }  # fmt: skip
    return Record(f"{loss}/{scenario}/{choice}", loss, scenario, implementation=implementation, choice={}, **fields)


def made_records() -> list[Record]:
    """One record of each kind that the report has a place for."""
    figures = {
        "count": 1, "size": 1, "index": [], "actual": 5.0, "expected": 4.0, "absolute": 1.0, "relative": 0.25,
        "ulp": 2.1e6, "allowed": 5.2e-6, "digits": 9, "exact": 5.0,
    }  # fmt: skip
    factor = Mismatch(Subject.OUTPUT, Kind.VALUE, figures=figures, diagnosis="is 1.25 times torch's throughout", seed=1)
    farther = Mismatch(Subject.GRADIENT, Kind.VALUE, "input", figures=figures, nearer=Nearer.OURS, seed=0)
    shown = {"figure": 1.2288, "torch": 1.2288230657577515, "ours": 1.22882294, "note": None}
    return [
        record("plain grid", "mean-float32"),
        record("plain grid", "mean-float16", worst={"output": 0.97, "input": 0.31}, lenient=2),
        record("plain grid", "mean-float32", "textbook", verdict="failed", mismatches=[factor],
               worst={"output": 1e5}, ulp={"output": 2e6}, repeat="pytest cases/nll_loss.yaml --seeds 1"),
        record("huge scores", "sum-float32", "textbook", verdict="xfailed", reason="it overflows", mismatches=[farther],
               worst={"input": float("inf")}, ulp={"input": float("inf")}),
        record("huge scores", "sum-float64", "textbook", verdict="not offered", reason="textbook has no float64"),
        record("huge scores", "sum-float32", not_offered=["second derivatives"]),
        record("a class out of range is refused", "mean-float32", raises="IndexError", worst={}, ulp={}),
        record("a worked example", "mean-float32", published=shown, source="An article on | pipes"),
        record("an empty batch", "mean-float32", loss="multi_margin_loss", worst={}, ulp={},
               finding={"torch": "it returns uninitialised memory", "output": 0.0}),
    ]  # fmt: skip


def test_the_report_in_markdown(golden: Callable[[str, str], None]) -> None:
    environment = {"torch": "2.13.0", "seeds": "3 a point", "implementations": ["numpy", "textbook"]}
    ending = {"exitstatus": 1, "counts": {}}
    excused = ((("reduce", "null"), ("weight", "given")), "it has no third value")
    coverage = [Coverage("nll_loss", 42, [], [excused]), Coverage("multi_margin_loss", 7)]
    golden("parity.md", render("parity.md", tables(Results(environment, made_records(), ending, []), coverage)))
