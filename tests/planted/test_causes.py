"""The causes of the planted bugs: how many a bug gives, and by which facts they are told apart.

Some of them by default, all with `--parity-depth deep`.
"""

from collections.abc import Callable
from typing import Any

import pytest

from parity.causes.cause import Cause
from tests.planted import BUGS, Bug, catalogue
from tests.planted.expected import BY_BUG, COMMON, SEVERAL
from tests.planted.large import beyond
from tests.planted.related import RELATED
from tests.planted.sampled import causes_of

catalogue()
# Every so many bugs are looked at by default, and those that once gave a cause too many.
STEP = 24
ALSO = (
    "cross_entropy: the forward modifies the logits", "smooth_l1_loss: beta 0 divides by zero",
    "poisson_nll_loss: log_input is left out", "sigmoid: the second derivative forgets the output's own slope",
)  # fmt: skip
# The same of bugs that are made by a rule: wrong beyond so many of something, and of what two calls owe to each other.
OF_FAMILIES: list[tuple[str, str, Callable[..., Any]]] = [
    ("large", "kl_div", beyond("kl_div", "elements", 4096, "off by a thousandth")),
    ("large", "huber_loss", beyond("huber_loss", "elements", 4096, "left out of the output")),
    *(("reduction=sum", loss, wrong) for loss, says, _, wrong in RELATED if "two halves of the batch" in says),
    *(("", loss, wrong) for loss, says, _, wrong in RELATED if "for -2 times" in says),
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bug" in metafunc.fixturenames:
        deep = metafunc.config.getoption("parity_depth", None) == "deep"
        bugs = [bug for place, bug in enumerate(BUGS) if deep or place % STEP == 0 or bug.id in ALSO]
        metafunc.parametrize("bug", bugs, ids=[bug.id for bug in bugs])


def test_a_bug_is_one_cause_told_by_its_facts(bug: Bug) -> None:
    found = causes_of(bug)
    told = "\n".join(map(str, found))
    assert 1 <= len(found) <= 3, told
    assert (len(found) > 1) == (bug.id in SEVERAL), told
    if bug.id in BY_BUG:
        assert _facts(found) == BY_BUG[bug.id], told


def _facts(found: list[Cause]) -> str:
    """The facts that the largest cause is told by."""
    main = max(found, key=lambda cause: len(cause.points))
    shown = {word for term in main.condition.terms if not term.absent for word in term.words}
    return ", ".join(sorted(shown - COMMON))


@pytest.mark.parametrize(("facts", "loss", "wrong"), OF_FAMILIES, ids=[loss for _, loss, _ in OF_FAMILIES])
def test_a_bug_of_a_family_is_told_by_its_facts(facts: str, loss: str, wrong: Callable[..., Any]) -> None:
    found = causes_of(Bug(loss, "of a family", "value", "", wrong))
    assert _facts(found) == facts, "\n".join(map(str, found))


def test_four_of_five_bugs_are_one_cause_and_sixty_have_facts() -> None:
    names = {bug.id for bug in BUGS}
    assert len(SEVERAL) <= 0.2 * len(names)
    assert len(BY_BUG) >= 60
    assert names >= {*SEVERAL, *BY_BUG}
