"""The docstring of every loss lists its arguments, and gives a worked number that is the loss's own answer."""

import doctest
import re
import sys

import pytest

from parity import losses
from parity.cases.signature import signature_of


@pytest.mark.parametrize("name", sorted({*losses.LOSSES, "pairwise_distance"}))
def test_the_docstring_gives_a_worked_number(name: str) -> None:
    function = getattr(losses, name)
    module = sys.modules[function.__module__]
    (found,) = doctest.DocTestFinder(recurse=False).find(function, name, globs=dict(vars(module)))
    assert found.examples, f"{name} has no worked number"
    result = doctest.DocTestRunner().run(found)
    assert result.failed == 0


@pytest.mark.parametrize("name", sorted(losses.LOSSES))
def test_the_docstring_lists_every_array(name: str) -> None:
    arrays = signature_of(name).arrays
    listed = re.findall(r"^    (\w+(?:, \w+)*): ", losses.LOSSES[name].__doc__ or "", re.MULTILINE)
    assert arrays
    assert arrays <= {word for line in listed for word in line.split(", ")}
