"""A gradient that is wrong, asked for once more under the same upstream numbers in plain memory."""

import numpy as np

from parity.engine.asking import Draw
from parity.records.mismatch import Mismatch


def only_by_strides(draw: Draw, name: str, problem: Mismatch) -> None:
    """Say in the mismatch if the gradient is right as soon as the upstream gradient is contiguous.

    A vjp that refuses to be called twice tells nothing by that, here.
    """
    given = draw.grad_output
    if name == "output" or given.flags.c_contiguous:
        return
    try:
        again = draw.answer.vjp(np.array(given, order="C"))[name]
    except KeyboardInterrupt:
        raise
    except BaseException:
        return
    if draw.expected.compare(name, again)[2] is None:
        how = "an expanded" if 0 in given.strides else "a strided"
        problem.diagnosis = f"differs only under {how} upstream gradient"
