"""Whatever stands in a case file, reading it ends in scenarios or in a CaseError, never in another exception."""

import tempfile
from contextlib import suppress
from copy import deepcopy
from functools import reduce
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.cases.errors import CaseError
from parity.cases.load import load
from parity.cases.points import expand
from parity.cases.reader import parse
from parity.draws.draw import Plan
from parity.implementations.registry import served

# One file that uses all that a file may say.
WHOLE = """
loss: cross_entropy
use: [reductions]
except: {legacy flags may be 0 and 1: it is an example}
defaults:
  sizes: {N: 3, C: 4}
  given: {input: {normal: [N, C], std: 2}, target: {classes: [N], below: C}}
  across: {reduction: all}
  seeds: 2
impossible: [{options: {size_average: "true", reduce: "true"}, because: it is an example}]
cases:
  - name: matrix
    why: to have one
    given:
      input: {uniform: [N, C], low: -1, mask: [{value: -.inf, at: [[0, 0]]}, {value: 0.5, share: 0.1}]}
    across:
      dtype: [float32, float16]
      layout: [sliced]
      reduction: {labels: {one: none, other: sum}}
      C: [1, 4]
      weight: [{full: [C], value: 2}]
    xfail: {numpy: [{because: it is an example, where: {dtype: float16}}]}
    tolerance: {output: {rtol: 1.0e-3}, because: it is an example}
  - name: literals
    source: an article
    given:
      input: [[1.0, 2.0, .inf]]
      target: {array: [0], dtype: uint8}
      weight: {magnitudes: [3], scale: 2, layout: offset}
    published: {output: 1.5, atol: 0.1, note: printed}
    equals: nll_loss(log_softmax(input, dim=1), target, weight) * 1
    depth: deep
  - name: refused
    without: [reduction]
    given: {target: {integers: [N], low: 4, high: 9}, label_smoothing: 0.1, grad_output: {arange: [N], modulo: 2}}
    raises: {IndexError: out of bounds}
  - name: undefined
    given: {input: {log_probabilities: [N, C]}, target: {one_hot: [N, C], dim: 1}, weight: {choice: [C], of: [1, 2, N]}}
    finding: {torch: it is an example, output: [1, 2]}
  - name: copies
    given: {input: {bernoulli: [N, C], p: 0.3}, target: {like: input, dtype: float32}, weight: {tuple: [1, 2]}}
    across: {ignore_index: [-100, 0]}
"""

KEYS = [
    "loss", "cases", "defaults", "use", "except", "reductions", "name", "given", "across", "sizes", "input", "target",
    "dtype", "layout", "reduction",
    "normal", "full", "like", "array", "tuple", "mask", "value", "at", "share", "N", "C", "where", "because", "x y", "",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.sampled_from(KEYS),
    st.sampled_from([0, 1, -1, 2**40, "input", "float16", "sliced", "kl_div", "input + (", "numpy", "\0", "a/b"]),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=3),
    max_leaves=6,
)
FUZZ = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def places(data: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in the data but the root."""
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [one for part, value in inside for one in [(*place, part), *places(value, (*place, part))]]


DATA = parse(WHOLE, Path("whole.yaml")).data
PLACES = places(DATA)


def survives(raw: bytes) -> int:
    """How many points the file has, all drawn; 0 if it is refused with a CaseError. All else is raised."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fuzz.yaml"
        path.write_bytes(raw)
        try:
            points = [point for scenario in load(path, served()) for point in expand(scenario)]
        except CaseError:
            return 0
    for point in points[:40]:
        Plan(point).arguments(0)
    return len(points)


def test_the_whole_file_is_good() -> None:
    assert survives(WHOLE.encode()) == 87
    assert survives(yaml.safe_dump(DATA).encode()) == 87


@FUZZ
@given(st.binary(max_size=200) | st.text("[]{}:,-?&*!|>'\"%@` \n\tab1.#~<\r\x85", max_size=80).map(str.encode))
def test_random_bytes_are_refused(raw: bytes) -> None:
    survives(raw)


@FUZZ
@given(st.data())
def test_a_file_with_a_hole_or_a_graft_is_read_or_refused(data: st.DataObject) -> None:
    start, end = (data.draw(st.integers(0, len(WHOLE))) for _ in range(2))
    survives((WHOLE[: min(start, end)] + data.draw(st.text(max_size=5)) + WHOLE[max(start, end) :]).encode())
    survives((WHOLE[:start] + data.draw(st.sampled_from("[]{}:,-&*!'\"\n\t 0.")) + WHOLE[start:]).encode())


@FUZZ
@given(st.lists(st.tuples(st.sampled_from(PLACES), VALUES), min_size=1, max_size=2), st.sampled_from(KEYS))
def test_a_file_with_other_values_is_read_or_refused(changes: list[tuple[tuple[Any, ...], Any]], key: str) -> None:
    data = deepcopy(DATA)
    for (*around, last), value in changes:
        # The first change may have taken away the place of the second.
        with suppress(AttributeError, KeyError, IndexError, TypeError):
            inside = reduce(lambda value, part: value[part], around, data)
            inside[last] = value
            inside.setdefault(key, deepcopy(value))
    survives(yaml.safe_dump(data, allow_unicode=True).encode())
