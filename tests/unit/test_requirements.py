"""Installing parity never moves a user's torch, neither by what the package requires nor by what make does."""

import re
import runpy
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PINNED = "# The core:\ntorch==2.13.0\nnumpy==2.4.6\n"


@pytest.mark.parametrize(
    ("asked", "there", "own", "torch"),
    [
        ("", "", True, "2.13.0"), ("", "2.9.1+cpu", True, "2.13.0"), ("2.14.1", "", True, "2.14.1"),
        ("", "", False, "2.13.0"), ("", "2.14.1+cu130", False, "2.14.1+cu130"), ("2.9.1", "2.14.1", False, "2.9.1"),
    ],
)  # fmt: skip
def test_make_installs_the_torch_that_is_asked_for_or_there(asked: str, there: str, own: bool, torch: str) -> None:
    made = runpy.run_path(str(ROOT / ".ci" / "requirements.py"))["requirements"](PINNED, asked, there, own)
    assert made == PINNED.replace("2.13.0", torch)


def test_the_package_requires_no_torch_but_an_old_one() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (torch,) = [one for one in map(Requirement, project["dependencies"]) if one.name == "torch"]
    assert [(one.operator, one.version) for one in torch.specifier] == [(">=", "2.4")]


def test_the_pins_are_within_what_the_package_requires() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    required = [*project["dependencies"], *extras["test"], *extras["report"]]
    pins = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    for one in map(Requirement, required):
        assert pins[one.name] in one.specifier, one
