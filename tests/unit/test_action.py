"""The action for GitHub: what it runs is the command, with its inputs as arguments and never as text of a script."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import parity

ROOT = Path(parity.__file__).parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / ".ci" / "action.yml").read_text())
STEPS = ACTION["runs"]["steps"]
README = (ROOT / "README.md").read_text()
LIBRARY = """
from parity import losses

def double(**arguments):
    output, vjp = losses.mse_loss(**arguments)
    return output * 2, vjp
"""


def test_no_input_is_pasted_into_a_script() -> None:
    assert ACTION["runs"]["using"] == "composite"
    for step in STEPS:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]


def test_the_workflow_in_the_readme_gives_inputs_that_there_are() -> None:
    text = README.partition("# .github/workflows/parity.yml\n")[2].partition("```")[0]
    steps = yaml.safe_load(text)["jobs"]["parity"]["steps"]
    (step,) = (one for one in steps if "/.ci@" in one.get("uses", ""))
    assert step["with"].keys() <= ACTION["inputs"].keys()
    assert {name for name, one in ACTION["inputs"].items() if one.get("required")} <= step["with"].keys()


@pytest.mark.parametrize(
    ("options", "status"), [("--exclude '*mean*' --exclude '*sum*' --seeds 1", 1), ("--only '*nothing*'", 2)]
)
def test_its_script_checks(tmp_path: Path, options: str, status: int) -> None:
    (tmp_path / "mine.py").write_text(LIBRARY)
    case = "loss: mse_loss\ncases:\n  - name: grid\n    given: {input: {normal: [3]}, target: {normal: [3]}}\n"
    (tmp_path / "small.yaml").write_text(f"{case}    across: {{reduction: [none, mean, sum]}}\n")
    inputs = {
        "PYTHON": sys.executable, "LOSS": "mse_loss", "FUNCTION": "mine:double", "BASELINE": "",
        "OPTIONS": f"--cases small.yaml {options}", "REPORT": str(tmp_path / "a report.html"),
        "GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_ACTIONS": "true",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"), "GITHUB_WORKSPACE": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")])),
    }  # fmt: skip
    assert inputs.keys() >= STEPS[1]["env"].keys() - {"OMP_NUM_THREADS"}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[1]["run"]]  # as GitHub calls it
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, **inputs}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert (tmp_path / "output").read_text() == f"report={tmp_path / 'a report.html'}\n"
    if status == 1:
        assert "\n::error file=mine.py,line=4," in done.stdout
        assert "1 point, 1 cause" in (tmp_path / "summary.md").read_text()
        assert (tmp_path / "a report.html").is_file()
