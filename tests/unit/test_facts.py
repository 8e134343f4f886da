"""The facts of points and draws, by points whose facts were written down by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from parity import losses
from parity.cases.load import load
from parity.cases.points import Point, expand
from parity.cases.shipped import case_file
from parity.draws.draw import Plan
from parity.facts.draw import facts_of_draw
from parity.facts.point import facts_of
from parity.facts.words import MADE, WORDS, families, unknown, valued
from parity.implementations.registry import served

Points = Callable[[str], list[Point]]
PLAIN = "float32 contiguous reduction=mean"
CE = f"{PLAIN} int64 label_smoothing=0 ignore_index=-100"
TRIPLET = f"{PLAIN} margin=1 p=2 eps=1e-06 swap=false"
# A loss, what it is given, and all facts of the one point: first those of the specification, then those of the arrays.
EXAMPLES: list[tuple[str, str, str, str]] = [
    ("mse_loss", "input: {normal: [3, 2]}, target: {normal: [3, 2]}", PLAIN, "plain numbers"),
    ("mse_loss", "input: {normal: [70]}, target: {normal: [70]}", f"{PLAIN} | large", "plain numbers"),
    ("mse_loss", "input: {normal: [2, 2100]}, target: {normal: [2, 2100]}", f"{PLAIN} | large", "plain numbers"),
    ("mse_loss", "input: {normal: [5000]}, target: {normal: [5000]}", f"{PLAIN} | large | very large", "plain numbers"),
    ("mse_loss", "input: {normal: [1, 3]}, target: {normal: [3]}", f"{PLAIN} | one sample | broadcasting",
     "plain numbers"),
    ("mse_loss", "input: 1.0, target: 2.0, reduction: none", "float32 contiguous reduction reduction=none 0-d",
     "plain numbers"),
    ("mse_loss", "input: {normal: [0, 2]}, target: {normal: [0, 2]}", f"{PLAIN} | empty", ""),
    ("mse_loss", "input: {normal: [2, 3, 2]}, target: {normal: [2, 3, 2]}", f"{PLAIN} | more dimensions",
     "plain numbers"),
    ("mse_loss", "input: [1.0, 2.0], target: [2.0, 2.0]", PLAIN, "plain numbers | ties"),
    ("mse_loss", "input: [.inf, 1.0], target: [.nan, 2.0]", PLAIN, "infinite values | nan"),
    ("mse_loss", "input: [89.0, 1.0], target: [3.0, 2.0]", PLAIN, "huge values"),
    ("mse_loss", "input: [88.0, 1.0], target: [3.0, 2.0]", PLAIN, "plain numbers"),
    ("mse_loss", "input: [1.0e-20, 1.0], target: [0.0, 2.0]", PLAIN, "tiny values"),
    ("mse_loss", "input: [1.0e-40, 1.0], target: [0.0, 2.0]", PLAIN, "tiny values | subnormals"),
    ("mse_loss", "input: {array: [1.0e-5, 1.0], dtype: float16}, target: {array: [0.0, 2.0], dtype: float16}",
     "float16 contiguous reduction=mean", "subnormals"),
    ("mse_loss", "input: {array: [1.0e-160], dtype: float64}, target: [800.0]",
     f"{PLAIN} | float64 | mixed dtypes | one sample", "tiny values | huge values"),
    ("l1_loss", "input: [1, 2], target: [3, 5], reduction: sum",
     "int64 contiguous reduction reduction=sum | integer input", ""),
    ("l1_loss", "input: {normal: [3], dtype: complex64}, target: {normal: [3]}",
     f"{PLAIN} | complex64 | complex | mixed dtypes", "plain numbers"),
    ("l1_loss", "input: [1.0, 2.0], target: [3.0, 5.0], size_average: false",
     f"{PLAIN} | size_average | size_average=false | legacy flags", "plain numbers"),
    ("l1_loss", "input: {normal: [3, 2], layout: sliced}, target: {normal: [3, 2]}",
     "float32 reduction=mean sliced | not contiguous | input strided", "plain numbers"),
    ("l1_loss", "input: {normal: [3, 2], layout: readonly}, target: {normal: [3, 1], layout: transposed}",
     f"{PLAIN} | readonly | transposed | broadcasting", "plain numbers"),
    ("cross_entropy", "input: [[1.0, 2.0], [0.0, 3.0]], target: [0, -100]", f"{CE} | square",
     "plain numbers | ignored targets"),
    ("cross_entropy", "input: [[1.0, 2.0], [3.0, 3.0]], target: [-100, -100]", f"{CE} | square",
     "plain numbers | ignored targets | all targets ignored | ties"),
    ("cross_entropy", "input: [[1.0, 2.0], [0.0, 3.0]], target: [1, 1], ignore_index: 1, weight: [1.0, 2.0]",
     "float32 contiguous square reduction=mean int64 label_smoothing=0 ignore_index ignore_index=1 weight",
     "plain numbers | ignored targets | all targets ignored"),
    ("cross_entropy", "input: [[1.0, 2.0], [0.0, 3.0]], target: [[0.5, 0.5], [1.0, 0.0]], label_smoothing: 0.10",
     f"{PLAIN} | ignore_index=-100 label_smoothing label_smoothing=0.1 | class probabilities | square",
     "plain numbers"),
    ("cross_entropy", "input: [1.0, 2.0], target: 1", f"{CE} | unbatched", "plain numbers"),
    ("cross_entropy", "input: [[1.0]], target: [0]", f"{CE} | one class | one sample", "plain numbers"),
    ("cross_entropy", "input: {normal: [2, 3, 4]}, target: {classes: [2, 4], below: 3}", f"{CE} | more dimensions",
     "plain numbers"),
    ("cross_entropy", "input: {normal: [5, 13]}, target: {classes: [5], below: 13, dtype: uint8}, ignore_index: -1",
     f"{PLAIN} | uint8 label_smoothing=0 ignore_index ignore_index=-1", "plain numbers"),
    ("cross_entropy", "input: {normal: [5, 13, 14]}, target: {classes: [5, 14], below: 13}",
     f"{CE} | more dimensions | large", "plain numbers"),
    ("softmax", "input: [[1.0, 2.0], [1.0, 3.0]], dim: 0", "float32 contiguous square dim dim=0",
     "plain numbers | ties"),
    ("softmax", "input: [[1.0, 2.0], [1.0, 3.0]], dim: 1", "float32 contiguous square dim dim=1",
     "plain numbers"),
    ("triplet_margin_loss", "anchor: {normal: [4]}, positive: {normal: [4]}, negative: {normal: [4]}",
     f"{TRIPLET} | unbatched", "plain numbers"),
    ("ctc_loss",
     "log_probs: {log_probabilities: [7, 1, 4], dim: 2}, targets: [[1]], input_lengths: [7], target_lengths: [1]",
     f"{PLAIN} | int64 blank=0 zero_infinity=false | one sample", "plain numbers"),
    ("ctc_loss", "log_probs: {log_probabilities: [7, 4]}, targets: [1, 2], input_lengths: 7, target_lengths: 2",
     f"{PLAIN} | int64 blank=0 zero_infinity=false | unbatched", "plain numbers"),
    ("gaussian_nll_loss", "input: [1.0], target: [2.0], var: 0.5",
     f"{PLAIN} | var=0.5 full=false eps=1e-06 | one sample", "plain numbers"),
]  # fmt: skip


def words(text: str) -> set[str]:
    """The facts of a text: single words with blanks between, or facts with bars between."""
    found: set[str] = set()
    for part in text.split(" | "):
        found |= {part} if part in WORDS or part.endswith(" strided") else set(part.split())
    return found


def drawn(point: Point, seed: int = 0) -> set[str]:
    arguments, grad_output = Plan(point).arguments(seed)
    return set(facts_of_draw(point.loss, arguments, grad_output))


@pytest.mark.parametrize(("loss", "given", "specified", "data"), EXAMPLES, ids=lambda text: text[:60])
def test_a_point_has_the_facts_that_a_person_sees(
    points: Points, loss: str, given: str, specified: str, data: str
) -> None:
    (point,) = points(f"loss: {loss}\ncases:\n  - name: this one\n    given: {{{given}}}\n")
    assert facts_of(point) == words(specified)
    assert drawn(point) == words(data)


@pytest.mark.parametrize(
    ("raises", "given", "fact"),
    [
        ("ValueError: not a valid value", "input: [1.0], target: [1.0], reduction: maen", "refuses reduction"),
        ("RuntimeError: 'bool'", "input: [true], target: [1.0]", "refuses dtype"),
        ("RuntimeError: must match the size", "input: [1.0, 2.0], target: [1.0, 2.0, 3.0]", "refuses shape"),
    ],
)
def test_a_refusal_has_its_family(points: Points, raises: str, given: str, fact: str) -> None:
    case = f"  - name: this one\n    given: {{{given}}}\n    raises: {{{raises}}}\n"
    (point,) = points(f"loss: l1_loss\ncases:\n{case}")
    assert {word for word in facts_of(point) if word.startswith("refuses")} == {"refuses", fact}


@pytest.mark.parametrize(
    ("grad_output", "facts"),
    [
        (np.array(1.0), {"upstream ones"}),
        (np.ones(4)[::2], {"upstream ones", "upstream strided"}),
        (np.broadcast_to(np.array(2.0), (3, 2)), {"upstream expanded"}),
        (np.array([0.0, 2.0]), {"upstream with zeros"}),
        (np.array([-1.0, np.inf]), {"upstream infinite"}),
        (np.array([np.nan, 0.0]), {"upstream infinite", "upstream with zeros"}),
        (np.array([2.0, -2.0]), set()),
        (np.full(200, 1.0, np.float32), {"upstream ones"}),
        (np.arange(400.0).reshape(20, 20).T, {"upstream strided", "upstream with zeros"}),
    ],
)
def test_the_upstream_gradient_has_facts(grad_output: np.ndarray, facts: set[str]) -> None:
    assert facts_of_draw("mse_loss", {}, grad_output) == facts


def test_large_arrays_have_the_same_facts_as_small_ones() -> None:
    special = {"infinite values": np.inf, "nan": np.nan, "huge values": 1e30, "subnormals": -1e-40}
    for word, value in special.items():
        input = np.random.default_rng(0).permutation(1000).astype(np.float32).reshape(100, 10) / 1000
        assert facts_of_draw("cross_entropy", {"input": input}) == {"plain numbers", "subnormals"} - {"subnormals"}
        input[3, 4] = value
        assert word in facts_of_draw("cross_entropy", {"input": input})
    target = np.zeros(200, np.int64)
    target[7] = -100
    assert facts_of_draw("cross_entropy", {"input": np.zeros((0, 2)), "target": target}) == {"ignored targets"}


ALL = [point for loss in losses.LOSSES for scenario in load(case_file(loss), served()) for point in expand(scenario)]
# Words that no shipped point has, and why.
ABSENT: dict[str, str] = {}


def test_the_specification_knows_each_array_before_it_is_drawn() -> None:
    wrong = []
    for point in ALL[::7]:
        if "very large" not in facts_of(point) and not point.around.startswith("vmap"):  # a stack
            arguments, _ = Plan(point).arguments(0)
            for name, form in point.forms.items():
                array = arguments[name]
                seen = (array.shape, array.dtype.name, bool(array.flags.c_contiguous))
                wrong += [(point.id, name)] * (seen != (form.shape, form.dtype, form.in_order))
    assert not wrong


def test_every_word_occurs_and_none_is_unknown() -> None:
    known = {frozenset(facts_of(point)) for point in ALL}
    found = {word for some in known for word in some}
    missing = {word for word in WORDS if word not in found and word not in ABSENT}
    for point in ALL:
        if not missing:
            break
        if "large" not in facts_of(point):
            plan = Plan(point)
            arguments, own = plan.arguments(0)
            missing -= facts_of_draw(point.loss, arguments, own)
    assert missing == set()
    assert not ABSENT.keys() & found
    odd = {word for word in found if unknown(word) and not word.startswith("reduction=")}
    assert odd == set()


def test_a_zero_has_one_word_whatever_its_sign() -> None:
    valued.cache_clear()
    assert [valued("beta", value) for value in (-0.0, 0.0, 0)] == ["beta=0"] * 3


def test_every_word_is_documented() -> None:
    listed = [text for _, some in families() for text, _ in some]
    assert sorted(listed) == sorted([*WORDS, *MADE])
    for word in (*WORDS.values(), *MADE.values()):
        assert len(word.sentence) > 10
    sentences = [word.sentence for word in WORDS.values()]
    assert len(set(sentences)) == len(sentences)


def test_roles_are_of_losses_that_there_are() -> None:
    from parity.facts.roles import _ROLES

    assert _ROLES.keys() <= losses.LOSSES.keys()
