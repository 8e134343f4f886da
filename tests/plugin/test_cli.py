"""The command line: what each command prints, refuses and ends with; it is there at once."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from parity.cli import app
from parity.cli.app import COMMANDS
from parity.question import Options
from parity.records.read import read_records
from tests.plugin.user import SMALL

LIBRARY = """
import parity
from parity import losses

def good(**arguments):
    return losses.mse_loss(**arguments)

def double(**arguments):
    output, vjp = losses.mse_loss(**arguments)
    return output * 2 if arguments.get("reduction") == "mean" else output, vjp

def stopped(**arguments):
    raise KeyboardInterrupt

IMPLEMENTATION = parity.Implementation("whole", losses={"mse_loss": good})
broken = {}
"""


@pytest.fixture
def name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """The name of a module of the user's, in the folder where the command is run; no two tests have the same."""
    name = f"own_{abs(hash(request.node.nodeid))}"
    (tmp_path / f"{name}.py").write_text(LIBRARY)
    (tmp_path / "small.yaml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


def parity(*arguments: str) -> Result:
    result = CliRunner().invoke(app, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def check(*arguments: str) -> Result:
    return parity("check", "mse_loss", *arguments, "--cases", "small.yaml")


def test_a_function_that_agrees(name: str) -> None:
    found = check(f"{name}:good")
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith(f"mse_loss of {name} agrees with torch: 6 passed.\n")


def test_a_function_that_differs_is_told_with_its_causes(name: str) -> None:
    found = check(f"{name}:double", "--name", "mylib")
    assert found.exit_code == 1
    assert "mse_loss of mylib does not agree with torch: 4 passed, 2 failed." in found.stdout
    assert "2 points, 1 cause:" in found.stdout
    assert "only with reduction=mean" in found.stdout
    repeat = found.stdout.partition("repeat: parity ")[2].partition("\n")[0]
    assert repeat.endswith("--only mse_loss/grid/mean-float32 --seeds 1 --seed-base 0")
    again = parity(*shlex.split(repeat))
    assert again.exit_code == 1
    assert "mse_loss of mylib does not agree with torch: 1 failed." in again.stdout


def test_options_are_those_of_the_python_api(name: str) -> None:
    left = check(
        f"{name}:double", "--exclude", "reduction=mean", "--seeds", "1", "--seed-base", "7", "--lacks", "float32"
    )
    assert left.exit_code == 0, left.output
    assert "2 passed, 2 not offered" in left.stdout
    expected = check(f"{name}:double", "--expected-failures", "reduction=mean: a denominator", "--budget", "1m")
    assert expected.exit_code == 0, expected.output
    assert "4 passed, 2 xfailed" in expected.stdout


def test_a_function_is_held_against_itself_where_there_is_no_reference(name: str) -> None:
    found = check(f"{name}:good", "--reference", "none")
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith(f"mse_loss of {name} agrees with itself: ")
    differs = check(f"{name}:double", "--reference", "none")
    assert differs.exit_code == 1
    assert "along a direction, by its vjp, in float64, output differs" in differs.stdout
    assert "--reference none" in differs.stdout
    assert "F.mse_loss" not in differs.stdout


def test_a_library_is_checked_as_a_whole(name: str) -> None:
    found = parity("check", f"{name}:IMPLEMENTATION", "--cases", ".", "--only", "mse_loss/*none*", "--seeds", "1")
    assert "whole agrees with torch: 1 loss" in found.stdout, found.output
    assert found.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["mse_los", "NAME:good"], "there is no loss 'mse_los'; did you mean 'mse_loss'?"),
        (["mse_loss", "NAME:goood"], "has no function 'goood'; did you mean 'good'?"),
        (["mse_loss", "no_such_module:good"], "no_such_module cannot be imported: there is no such module in"),
        (["mse_loss"], "which function? write `parity check mse_loss MODULE:FUNCTION`"),
        (["mse_loss", "NAME:broken"], "mse_loss is dict, expected a callable"),
        (["mse_loss", "NAME:good", "--lacks", "weigth"], "did you mean 'weight'?"),
        (["mse_loss", "NAME:good", "--budget", "soon"], "budget is 'soon', expected a time such as '30s'"),
        (["mse_loss", "NAME:good", "--framework", "trch"], "there is no framework 'trch'; did you mean 'torch'?"),
        (["mse_loss", "NAME:good", "--tolerance", "2e-3"], "--tolerance: found '2e-3', expected NAME: VALUE"),
        (["mse_loss", "NAME:good", "--vary", "a=["], "--vary: found '[' for a, expected a list"),
        (["mse_loss", "NAME:good", "--seeds", "0"], "seeds is 0, expected a whole number >= 1"),
        (["mse_loss", "NAME:good", "--timeout", "0"], "--timeout is 0, expected a number of seconds above 0"),
        (["mse_loss", "NAME:good", "--save", "r.pdf"], "--save r.pdf ends in '.pdf', expected one of .json"),
        (["mse_loss", "NAME:good", "--write-baseline"], "--write-baseline needs a file: --baseline FILE"),
        (["mse_loss", "NAME:good", "--write-baseline", "--baseline", "k.yaml", "--budget", "1s"], "leave out --budget"),
        (["mse_loss", "NAME:good", "--baseline", "no.yaml"], "no.yaml is not there; --write-baseline writes it"),
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_in_a_sentence(name: str, arguments: list[str], sentence: str) -> None:
    found = parity("check", *(one.replace("NAME", name) for one in arguments))
    assert found.exit_code == 2, found.output
    assert sentence in found.stderr
    assert found.stderr.startswith("parity: ")


def test_a_baseline_is_written_filled_in_and_honoured_both_ways(name: str) -> None:
    path = Path("known.yaml")
    written = check(f"{name}:double", "--baseline", "known.yaml", "--write-baseline")
    assert written.exit_code == 1
    assert "wrote 1 known failure to known.yaml: fill in the reason of each" in written.stdout
    empty = check(f"{name}:double", "--baseline", "known.yaml")
    assert (empty.exit_code, "the reason is empty" in empty.stderr) == (2, True)
    path.write_text(path.read_text().replace('reason: ""', 'reason: "the denominator is ours"'))
    known = check(f"{name}:double", "--baseline", "known.yaml")
    assert known.exit_code == 0, known.output
    assert "4 passed, 2 xfailed" in known.stdout
    mended = check(f"{name}:good", "--baseline", "known.yaml")
    assert mended.exit_code == 1
    assert "4 passed, 2 xpassed" in mended.stdout
    assert "passes, though it is expected to fail" in mended.stdout
    path.write_text(path.read_text().replace('"mean-float64"', '"mean-float8"'))
    moved = check(f"{name}:double", "--baseline", "known.yaml")
    assert moved.exit_code == 1
    assert "is at a point that is gone: mse_loss/grid/mean-float8" in moved.stdout
    assert "a known failure, at another point" in moved.stdout


def test_what_is_kept_is_read_by_report_and_diff(name: str) -> None:
    assert check(f"{name}:good", "--results", "old.jsonl", "--save", "r.html", "--save", "r.json").exit_code == 0
    assert check(f"{name}:double", "--results", "new.jsonl").exit_code == 1
    assert read_records(Path("new.jsonl")).problems == []
    assert Path("r.html").is_file()
    assert Path("r.json").is_file()
    found = parity("diff", "old.jsonl", "new.jsonl")
    assert found.exit_code == 1
    assert "2 points newly failing." in found.stdout
    assert parity("diff", "new.jsonl", "old.jsonl").exit_code == 0
    assert parity("report", "old.jsonl", "--to", "reports").exit_code == 0
    refused = parity("resume", "old.jsonl")
    assert refused.exit_code == 2
    assert f"does not say where {name} is: run the check again" in refused.stderr


def test_a_reader_that_has_gone_is_no_error(name: str) -> None:
    """As with `| head -1`, which leaves before the last line is printed."""
    command = [sys.executable, "-m", "parity", "check", "mse_loss", f"{name}:good", "--cases", "small.yaml"]
    asked = subprocess.Popen([*command, "--save", "r.md"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with asked:
        assert asked.stdout is not None
        assert asked.stderr is not None
        assert "agrees" in asked.stdout.readline()
        asked.stdout.close()
        assert asked.stderr.read() == ""


def test_github_hears_of_a_check(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    found = check(f"{name}:double")
    line = LIBRARY.splitlines().index("def double(**arguments):") + 1
    assert f"\n::error file={name}.py,line={line},title=parity%3A cause 1 of 1::" in found.stdout
    assert "\n::error file=small.yaml,line=4,title=parity%3A cause 1 of 1::" in found.stdout
    assert "### 2 points, 1 cause" in Path("summary.md").read_text()


def test_losses_scenarios_points_and_facts_are_listed(name: str) -> None:
    assert parity("list", "--cases", "small.yaml").stdout == "      6 mse_loss\n"
    assert parity("list", "scenarios", "--cases", "small.yaml").stdout == "      6 mse_loss/grid\n"
    points = parity("list", "points", "--cases", "small.yaml", "--where", "reduction=mean and float32")
    assert points.stdout == "mse_loss/grid/mean-float32\n"
    assert "      2 reduction=mean\n" in parity("list", "facts", "--cases", ".").stdout
    misspelt = parity("list", "points", "mse_loss", "--where", "flaot16")
    assert (misspelt.exit_code, "did you mean 'float16'?" in misspelt.stderr) == (2, True)
    unknown = parity("list", "points", "mse_los")
    assert (unknown.exit_code, "did you mean 'mse_loss'?" in unknown.stderr) == (2, True)
    assert parity("list", "nothing").exit_code == 2


def test_the_schema_is_printed_or_written(tmp_path: Path) -> None:
    printed = parity("schema").stdout
    assert printed.startswith("{\n")
    assert parity("schema", "--to", str(tmp_path / "s.json")).exit_code == 0
    assert (tmp_path / "s.json").read_text() == printed
    assert parity("schema", "--to", str(tmp_path / "no" / "s.json")).exit_code == 1


def test_coverage_is_what_the_module_says() -> None:
    found = parity("coverage", "mse_loss", "--facts")
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith("mse_loss: ")
    assert parity("coverage", "mse_los").exit_code == 2
    assert parity("coverage", "mse_loss", "--where", "flaot16").exit_code == 2


def alone(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python in a process of its own."""
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, **environment},
    )  # fmt: skip


def test_help_imports_nothing_that_takes_time() -> None:
    heavy = "{'torch', 'numpy', 'pydantic', 'rich', 'jinja2', 'yaml', 'parity.engine', 'parity.cases'}"
    found = alone("-c", f"import parity.cli, sys; print(sorted({heavy} & set(sys.modules)))")
    assert found.stdout == "[]\n", found.stderr


@pytest.mark.parametrize("command", [[], ["check"]])
def test_help_is_written_without_what_takes_time(command: list[str]) -> None:
    """How long it takes is a figure of the bench: a busy machine must not fail a test."""
    program = (
        "import sys\nfrom parity.cli import app\n"
        f"try: app([*{command!r}, '--help'])\n"
        "except SystemExit: print({'torch', 'numpy', 'rich'} & set(sys.modules))"
    )
    assert alone("-c", program).stdout.endswith("set()\n")


def test_check_takes_every_option_of_the_api() -> None:
    text = parity("check", "--help").output
    words = [*Options.__annotations__, "budget", "isolate", "timeout", "baseline", "no_cache", "until_failure"]
    assert [word for word in words if f"--{word.replace('_', '-')}" not in text] == []


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_teaches_by_example(command: str) -> None:
    text = parity(*command.split(), "--help").stdout
    assert "Example" in text
    assert f"  parity {command}" in text or "  pytest cases --parity" in text
    if command in ("", "check", "diff", "resume", "coverage"):
        assert "Exit status: 0 " in text


def test_completion_is_offered_for_shells() -> None:
    assert "--install-completion" in parity("--help").stdout
    found = alone("-m", "parity", _PARITY_COMPLETE="complete_bash", COMP_WORDS="parity che", COMP_CWORD="1")
    assert found.stdout.split() == ["check"], found.stderr
    found = alone("-m", "parity", _PARITY_COMPLETE="complete_bash", COMP_WORDS="parity check cross_", COMP_CWORD="2")
    assert found.stdout.split() == ["cross_entropy"], found.stderr


def test_completion_is_installed(tmp_path: Path) -> None:
    (tmp_path / ".bashrc").write_text("# mine\n")
    found = alone(
        "-m",
        "parity",
        "--install-completion",
        "bash",
        HOME=str(tmp_path),
        _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1",
    )
    assert found.returncode == 0, found.stderr
    assert "bash completion installed" in found.stdout
    assert (tmp_path / ".bashrc").read_text().startswith("# mine\n")
    assert "_PARITY_COMPLETE" in "".join(path.read_text() for path in tmp_path.rglob("*parity*") if path.is_file())


def test_an_interrupt_ends_it_with_what_was_found(name: str) -> None:
    found = check(f"{name}:stopped")
    assert found.exit_code == 130
    assert "interrupted" in found.stderr


def test_there_is_no_colour_where_none_is_wanted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    runner = CliRunner()
    arguments = ["check", "mse_loss", f"{name}:good", "--cases", "small.yaml", "--seeds", "1"]
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert runner.invoke(app, arguments, color=True).stdout.startswith("\x1b[32m")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in runner.invoke(app, arguments, color=True).stdout
