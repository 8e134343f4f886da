"""Right losses of other forms, and how near they come to being accused."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import parity
from parity import losses
from parity.bench.alarms import BINS, judged
from parity.bench.forms import DECOMPOSED, FORMS
from parity.types import Loss, Result

PLAIN = [name for name in FORMS if name != "compiled"]


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_each_form_of_a_loss_is_that_loss(name: str, dtype: Any) -> None:
    rng = np.random.default_rng(0)
    arguments: dict[str, Any] = {
        "input": rng.standard_normal((300, 4)).astype(dtype),
        "target": rng.integers(0, 4, 300),
    }
    form = FORMS[name]("cross_entropy")
    assert form is not None
    for reduction in ("none", "mean"):
        (output, vjp), (right, right_vjp) = (
            function(**arguments, reduction=reduction) for function in (form, losses.cross_entropy)
        )
        upstream = rng.standard_normal(right.shape).astype(dtype)
        rtol = 8 * float(np.finfo(dtype).eps)
        np.testing.assert_allclose(output, right, rtol, rtol)
        np.testing.assert_allclose(vjp(upstream)["input"], right_vjp(upstream)["input"], 4 * rtol, rtol)


def seeds() -> Iterator[int]:
    return iter(range(10**6, 10**8, 100))


def test_a_form_that_leans_is_counted_and_a_right_one_is_not() -> None:
    def leaning(**arguments: Any) -> Result:
        output, vjp = losses.mse_loss(**arguments)
        return np.nextafter(np.nextafter(output, output.dtype.type(np.inf)), output.dtype.type(np.inf)), vjp

    forms: dict[str, Loss] = {"leaning": leaning, "numpy": losses.mse_loss}
    found = judged("mse_loss", forms, seeds(), 1.0)
    assert sum(found["leaning", "float32"].near["lean"].values()) > 0
    assert found["leaning", "float32"].near["lean"][BINS] > 0
    assert found["numpy", "float32"].near["lean"][BINS] == 0


def test_torch_taken_apart_is_a_library_of_losses() -> None:
    report = parity.check("huber_loss", DECOMPOSED, depth="smoke", seeds=1)
    assert report.count("passed") > 80
    failed = [record for record in report.records if record.unexpected]
    assert failed
    assert all("empty" in record.facts or "refuses" in record.facts for record in failed), str(report)
