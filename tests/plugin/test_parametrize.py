"""`parity.parametrize` in a test of the user's: a failure is sentences, and what repeats it is the test itself."""

import pytest

from tests.plugin import user

TEST = """
import parity
import mylib

@parity.parametrize("mse_loss", mylib.mean_alone, name="mylib", cases="cases/mse_loss.yaml", lacks=["reduction=sum"])
def test_parity(point):
    point.check()

def test_error():
    assert issubclass(parity.ParityError, AssertionError)
    report = parity.check("mse_loss", mylib.double, cases="cases/mse_loss.yaml")
    report.raise_for_failures()
"""
ID = "test_mine.py::test_parity[mse_loss/plain grid/none-float32]"


@pytest.fixture
def theirs(pytester: pytest.Pytester) -> pytest.Pytester:
    user.write(pytester.path, mse=user.GRID)
    pytester.makepyfile(test_mine=TEST)
    pytester.syspathinsert()
    return pytester


def test_it_fails_as_sentences_and_repeats_as_the_test(theirs: pytest.Pytester) -> None:
    result = theirs.runpytest("test_mine.py", "-p", "no:xdist")
    result.assert_outcomes(failed=2, passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["mse_loss/plain grid/none-float32 (mylib) leaves parity:", "  - output is 2 times torch's throughout*",
         f"  repeat: pytest '{ID.replace('[', '[[]')}'"]
    )  # fmt: skip
    result.stdout.fnmatch_lines(["mse_loss of yours does not agree with torch: 3 failed."])
    result.stdout.no_fnmatch_line("*point.check()*")
    theirs.runpytest(ID).assert_outcomes(failed=1)


def test_without_the_plugin_it_is_an_assertion_error_and_a_skip(theirs: pytest.Pytester) -> None:
    result = theirs.runpytest("test_mine.py", "-p", "no:parity", "-p", "no:xdist")
    result.assert_outcomes(failed=2, passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["*parity.errors.ParityError: mse_loss/plain grid/none-float32 (mylib) leaves parity:*"]
    )
