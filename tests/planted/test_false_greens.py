"""Green means compared: ways in which a wrong loss, or none at all, could count as agreement. All red or refused."""

import random
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import parity
from parity import losses
from parity.engine.run import run_point
from parity.engine.state import SETTINGS, changes, known_state
from parity.frameworks.torch import TorchLoss
from parity.implementations.declaration import Implementation
from parity.references.proof import not_torch

MSE = """
loss: mse_loss
cases:
  - name: plain grid
    given: {input: {normal: [2, 3]}, target: {normal: [2, 3]}}
    across: {reduction: [none, mean], dtype: [float32, float64]}
"""
CROSS = """
loss: cross_entropy
cases:
  - name: plain grid
    given: {input: {normal: [4, 3]}, target: {classes: [4], below: 3}}
    across: {reduction: [none, mean]}
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "mse_loss.yaml").write_text(MSE)
    (tmp_path / "cross_entropy.yaml").write_text(CROSS)
    return tmp_path


def check(cases: Path, function: Callable[..., Any], loss: str = "mse_loss", **more: Any) -> parity.Report:
    return parity.check(loss, function, cases=cases / f"{loss}.yaml", **{"framework": "torch", **more})


def detached(input: torch.Tensor, target: torch.Tensor, **options: Any) -> torch.Tensor:
    return F.mse_loss(input.detach(), target.detach(), **options)


@contextmanager
def set_to(setter: Callable[[Any], Any], value: Any, before: Any) -> Iterator[None]:
    setter(value)
    try:
        yield
    finally:
        setter(before)


@pytest.mark.parametrize("around", [nullcontext, torch.no_grad, torch.inference_mode], ids=lambda one: one.__name__)
def test_a_detached_loss_is_red_whatever_the_caller_has_switched_off(
    cases: Path, around: Callable[[], AbstractContextManager[Any]]
) -> None:
    with around():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        report = check(cases, detached)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    assert not report.ok
    assert "gradient of input is missing" in report.failures[0]


STATES = {
    "gradients off at import": set_to(torch.set_grad_enabled, False, True),
    "a default dtype": set_to(torch.set_default_dtype, torch.float64, torch.float32),
    "a default device": set_to(torch.set_default_device, "meta", None),
    "autocast": torch.autocast("cpu", dtype=torch.bfloat16),
    "deterministic": set_to(torch.use_deterministic_algorithms, True, False),
    "threads": set_to(torch.set_num_threads, 2, 1),
    "subnormals flushed": set_to(torch.set_flush_denormal, True, False),
    "NumPy raises": np.errstate(all="raise"),
    "warnings are errors": warnings.catch_warnings(),
}


@pytest.mark.parametrize("name", STATES)
def test_the_callers_state_counts_for_nothing_and_is_given_back(cases: Path, name: str) -> None:
    with STATES[name]:
        if name == "warnings are errors":
            warnings.simplefilter("error")
        before = [setting.get() for setting in SETTINGS], torch.get_default_device(), warnings.filters[0]
        assert check(cases, lambda **arguments: F.mse_loss(**arguments)).ok
        assert check(cases, losses.mse_loss, framework="numpy").ok
        assert not check(cases, detached).ok
        assert ([setting.get() for setting in SETTINGS], torch.get_default_device(), warnings.filters[0]) == before


CHANGES: dict[str, Callable[[], Any]] = {
    "grad mode at False": lambda: torch.set_grad_enabled(False),
    "default dtype at torch.float64": lambda: torch.set_default_dtype(torch.float64),
    "default device": lambda: torch.set_default_device("meta"),
    "number of threads at 2": lambda: torch.set_num_threads(2),
    "deterministic mode": lambda: torch.use_deterministic_algorithms(True),
    "flushing of subnormal numbers": lambda: torch.set_flush_denormal(True),
    "NumPy's error state": lambda: np.seterr(all="raise"),
    "filters of warnings": lambda: warnings.simplefilter("error"),
    "torch's random generator": lambda: torch.manual_seed(3),
    "Python's random generator": lambda: random.seed(3),
    "NumPy's random generator": lambda: np.random.seed(3),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_loss_that_leaves_the_process_changed_is_red_and_its_caller_spared(cases: Path, what: str) -> None:
    def leaves(**arguments: Any) -> torch.Tensor:
        output = F.mse_loss(**arguments)
        CHANGES[what]()
        return output

    before = [setting.get() for setting in SETTINGS], torch.get_default_device(), torch.initial_seed()
    report = check(cases, leaves)
    assert len(report.failures) == 4
    assert all(what in failure for failure in report.failures)
    assert ([setting.get() for setting in SETTINGS], torch.get_default_device(), torch.initial_seed()) == before


def test_every_setting_can_be_set_to_what_it_is_known_to_be() -> None:
    with known_state():
        for setting in SETTINGS:
            setting.put(setting.known)
        assert changes() == []


class Passing(TorchFunctionMode):
    def __torch_function__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        return function(*arguments, **(options or {}))


class Dispatching(TorchDispatchMode):
    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        return function(*arguments, **(options or {}))


@pytest.mark.parametrize("mode", [Passing, Dispatching])
def test_a_mode_that_stands_before_torch_is_refused(cases: Path, mode: Any) -> None:
    with mode():
        report = check(cases, lambda **arguments: F.mse_loss(**arguments))
    assert not report.ok
    assert f"Mode is active, {mode.__module__}.{mode.__name__}" in report.failures[0]


def fused(input: Any, target: Any, *options: Any, **more: Any) -> Any:
    return ((input - target) ** 2).mean()


PATCHES = [
    ("mse_loss", torch._C._nn, "mse_loss", fused), ("mse_loss", torch._C._nn, "mse_loss", torch._C._nn.l1_loss),
    ("gaussian_nll_loss", torch.Tensor, "clamp_", fused), ("soft_margin_loss", torch._C._nn, "soft_margin_loss", fused),
    ("cross_entropy", torch._C._nn, "cross_entropy_loss", fused), ("softmin", F.softmin, "__code__", fused.__code__),
    ("adaptive_log_softmax_with_loss", F, "log_softmax", fused), ("linear_cross_entropy", F, "linear", fused),
    ("triplet_margin_with_distance_loss", F, "pairwise_distance", fused),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "owner", "name", "patch"), PATCHES, ids=[f"{one[0]}-{one[2]}" for one in PATCHES])
@pytest.mark.parametrize("late", [True, False])
def test_a_patched_torch_is_no_reference(
    loss: str, owner: Any, name: str, patch: Any, late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if late:
        assert not_torch(loss) is None
    else:
        monkeypatch.setattr("parity.references.proof._PROVED", {})
    monkeypatch.setattr(owner, name, patch)
    assert "the reference is not torch's own" in str(not_torch(loss))
    monkeypatch.undo()
    assert not_torch(loss) is None


FUSED = """
import torch, torch.nn.functional as F
own = F.mse_loss
def mse_loss(input, target, **options): return own(input, target, **options) * 2
F.mse_loss = mse_loss
import parity
report = parity.check("mse_loss", F.mse_loss, framework="torch", cases={cases!r})
print(report)
assert not report
"""
KERNEL = """
import torch, torch.nn.functional as F, torch.library
library = torch.library.Library("aten", "IMPL")
library.impl("mse_loss", lambda a, b, reduction=1: (a - b).abs().mean(), "CPU")
import parity
report = parity.check("mse_loss", F.mse_loss, framework="torch", cases={cases!r})
print(report)
assert not report
"""


@pytest.mark.parametrize(
    ("program", "says"),
    [(FUSED, "torch.nn.functional.mse_loss comes from"), (KERNEL, "CPU kernel of aten::mse_loss is registered at")],
)
def test_a_library_that_patches_torch_before_parity_looks_is_not_compared_with_itself(
    cases: Path, program: str, says: str
) -> None:
    text = program.format(cases=str(cases / "mse_loss.yaml"))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


def test_a_loss_that_patches_torch_when_it_is_called_is_red(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch._C._nn, "mse_loss", torch._C._nn.mse_loss)  # so that it is undone

    def patches(**arguments: Any) -> torch.Tensor:
        output = F.mse_loss(**arguments)
        torch._C._nn.mse_loss = fused
        return output

    report = check(cases, patches)
    assert len(report.failures) == 4
    assert "after the call the reference is not torch's own" in report.failures[0]


def test_torchs_own_function_is_told_as_such(cases: Path) -> None:
    assert "yours is torch's own mse_loss: it is compared with itself" in str(check(cases, F.mse_loss))
    assert "compared with itself" not in str(check(cases, lambda **arguments: F.mse_loss(**arguments)))


def test_a_call_that_fails_teaches_the_reference_nothing() -> None:
    loss = TorchLoss(F.cross_entropy)
    input, target = np.ones((2, 3), np.float32), np.full((2, 3), 1 / 3, np.float32)
    weight = np.ones(3, np.float32)
    good = {"input": input, "target": target, "weight": weight}
    wanted = loss(**good)[1](np.array(1, np.float32))
    with pytest.raises(RuntimeError):
        loss(input=input, target=np.ones((2, 4), np.float32), weight=weight)
    fresh = TorchLoss(F.cross_entropy)
    with pytest.raises(RuntimeError):
        fresh(input=input, target=np.ones((2, 4), np.float32), weight=weight)
    for one in (loss, fresh):
        found = one(**good)[1](np.array(1, np.float32))
        assert found.keys() == wanted.keys() == {"input", "target", "weight"}


def test_a_first_vjp_is_asked_for_as_a_training_step_asks_and_a_second_gives_the_same() -> None:
    output, vjp = TorchLoss(F.mse_loss)(input=np.ones(3, np.float32), target=np.zeros(3, np.float32))
    first = vjp(np.ones_like(output))
    with pytest.raises(RuntimeError, match="second time"):
        vjp.output.backward()
    assert first.keys() == vjp(np.ones_like(output)).keys() == {"input", "target"}


class Overwrites(torch.autograd.Function):
    """A backward that writes into what its forward has saved: a second one through the same graph is wrong."""

    @staticmethod
    def forward(ctx: Any, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        ctx.difference = 2 * (input - target)
        return (input - target) ** 2

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ctx.difference.mul_(grad_output)
        return ctx.difference.clone(), -ctx.difference


def test_a_backward_that_works_once_is_still_seen(cases: Path) -> None:
    def once(input: torch.Tensor, target: torch.Tensor, reduction: str = "mean") -> torch.Tensor:
        values = Overwrites.apply(input, target)
        return values if reduction == "none" else values.mean()

    report = check(cases, once, lacks=["second derivatives"])
    assert any("vjp called a second time gives another gradient" in failure for failure in report.failures)


def test_compiled_code_runs_at_every_point_or_it_is_told(cases: Path) -> None:
    compiled = torch.compile(F.mse_loss, backend="eager")
    report = check(cases, compiled, only="*none-float32", seeds=1)
    assert report.ok
    assert "1 of 1 points ran compiled code" in str(report)
    torch.compiler.set_stance("force_eager")
    try:
        assert "no compiled code ran" in str(check(cases, compiled, only="*none-float32", seeds=1))
    finally:
        torch.compiler.set_stance("default")


def test_compiled_code_inside_a_plain_function_is_recognised(cases: Path) -> None:
    inside = torch.compile(F.mse_loss, backend="eager")
    report = check(cases, lambda **arguments: inside(**arguments), only="*none-float32", seeds=1)
    assert [record.compiled for record in report.records] == [True]


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"seeds": -1}, "seeds is -1, expected a whole number >= 1"),
        ({"seeds": 0}, "seeds is 0"),
        ({"seeds": "3"}, "seeds is '3'"),
        ({"seeds": 2.0}, "seeds is 2.0"),
        ({"seeds": True}, "seeds is True"),
        ({"seed_base": -1}, "seed_base is -1"),
        ({"lacks": ["reduction=sums"]}, "no case gives reduction the value 'sums'; did you mean 'sum'"),
    ],
)
def test_what_draws_or_declares_nothing_is_refused(cases: Path, more: dict[str, Any], sentence: str) -> None:
    with pytest.raises(parity.Misdeclared, match=sentence):
        check(cases, F.mse_loss, **more)
    if "seed_base" not in more:
        with pytest.raises(parity.Misdeclared, match=sentence):
            parity.parametrize("mse_loss", F.mse_loss, framework="torch", cases=cases / "mse_loss.yaml", **more)


def test_a_record_without_a_draw_is_an_error() -> None:
    implementation = Implementation("yours", losses={"mse_loss": losses.mse_loss})
    point = next(iter(parity.api.points("mse_loss", implementation)))
    record = run_point(point, implementation, [])
    assert (record.verdict, record.unexpected) == ("error", True)


def test_a_report_is_true_only_if_it_is_ok(cases: Path) -> None:
    assert check(cases, F.mse_loss)
    assert not check(cases, detached)
    assert not check(cases, F.mse_loss, lacks=["input"])


def test_an_expected_failure_that_matches_nothing_is_told_beside_only(cases: Path) -> None:
    report = check(cases, F.mse_loss, only="*none-float32", expected_failures={"*float99*": "not done yet"})
    assert not report
    assert "'*float99*' of yours matches no point" in str(report)
    assert check(cases, detached, only="*none-float32", expected_failures={"*mean*": "it is detached"}).unmatched == []


def test_a_built_module_with_an_option_of_its_own_is_not_compared_where_the_option_is_at_its_default(
    cases: Path,
) -> None:
    module = torch.nn.CrossEntropyLoss(label_smoothing=0.1)
    report = check(cases, module, "cross_entropy", lacks=["label_smoothing", "reduction=none"])
    assert "the module was built with label_smoothing=0.1, which this call leaves at 0.0" in report.failures[0]


def test_a_point_of_which_nothing_is_compared_does_not_pass(tmp_path: Path) -> None:
    path = tmp_path / "multi_margin_loss.yaml"
    path.write_text(
        "loss: multi_margin_loss\ncases:\n  - name: an empty batch\n"
        "    given: {input: {normal: [0, 3]}, target: {classes: [0], below: 3}}\n"
        "    finding: {torch: returns memory that nobody has written, output: .nan}\n"
    )
    report = parity.check("multi_margin_loss", lambda **a: F.multi_margin_loss(**a), framework="torch", cases=path)
    assert not report
    assert report.count("not offered") == 1


NOT_PLAIN: dict[str, Callable[[Any], Any]] = {
    "a matrix, a subclass of ndarray": lambda array: np.asmatrix(array),
    "a MaskedArray, a subclass of ndarray": lambda array: np.ma.masked_array(array),
    "numbers of foreign byte order": lambda array: array.astype(array.dtype.newbyteorder()),
    "Python objects": lambda array: array.astype(object),
    "list": lambda array: array.tolist(),
}


@pytest.mark.parametrize("what", NOT_PLAIN)
@pytest.mark.parametrize("where", ["output", "gradient"])
def test_what_is_no_plain_array_is_told_of_outputs_and_gradients_alike(cases: Path, what: str, where: str) -> None:
    def loss(**arguments: Any) -> Any:
        output, vjp = losses.mse_loss(**arguments)
        if where == "output":
            return NOT_PLAIN[what](output) if output.ndim else output, vjp
        return output, lambda grad_output: {name: NOT_PLAIN[what](one) for name, one in vjp(grad_output).items()}

    report = check(cases, loss, framework="numpy")
    assert any(what in failure for failure in report.failures)


def test_no_answer_depends_on_what_was_asked_before() -> None:
    """Points in another order, and alone in a fresh process, give the same records."""
    function = {"cross_entropy": lambda **arguments: F.cross_entropy(**arguments)}
    implementation = Implementation("yours", "torch", function)
    points = list(parity.api.points("cross_entropy", implementation))[::9]
    first = {point.id: run_point(point, implementation, [0]).as_json() for point in points}
    random.Random(0).shuffle(points)
    assert {point.id: run_point(point, implementation, [0]).as_json() for point in points} == first
    alone = points[0].id
    program = (
        "import torch.nn.functional as F, parity\n"
        f"report = parity.check('cross_entropy', lambda **a: F.cross_entropy(**a), framework='torch', only={alone!r}, "
        "seeds=1)\nprint(report.records[0].as_json())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == first[alone], done.stderr
