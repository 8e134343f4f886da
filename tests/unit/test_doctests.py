"""The worked number in every loss's docstring is the loss's own answer."""

import doctest
import sys

import pytest

from parity import losses


@pytest.mark.parametrize("name", sorted({*losses.LOSSES, "pairwise_distance"}))
def test_the_docstring_gives_a_worked_number(name: str) -> None:
    function = getattr(losses, name)
    module = sys.modules[function.__module__]
    (found,) = doctest.DocTestFinder(recurse=False).find(function, name, globs=dict(vars(module)))
    assert found.examples, f"{name} has no worked number"
    result = doctest.DocTestRunner().run(found)
    assert result.failed == 0
