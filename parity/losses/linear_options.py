"""The options of linear_cross_entropy: how many logits are computed at a time, and what torch accumulates in."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from parity.losses.arguments import BFLOAT16, FLOAT16, FLOAT32, HALVES, is_floating
from parity.types import DType

__all__ = ["LinearCrossEntropyOptions"]

# The dtypes that torch takes as acc_dtype.
ACCUMULATORS: tuple[DType, ...] = (FLOAT16, BFLOAT16, FLOAT32, np.dtype(np.float64))


@dataclass(frozen=True, slots=True)
class LinearCrossEntropyOptions:
    """How much linear_cross_entropy holds at a time, as the fields of torch.nn.LinearCrossEntropyOptions.

    torch cuts the batch and computes all the logits of some rows at a time. The size of these chunks is what
    counts here: the same number of logits, or fewer, is computed at a time, if not those of the same rows.

    Raises ValueError for a field with a value that is not named here.
    """

    allow_retain_graph: bool = False
    """Whether torch's backward pass can run twice. Ours always can."""

    batch_chunk_size: int | None = None
    """The rows of a chunk; None leaves it to chunking_method, and is the whole batch if that is None too."""

    chunking_method: str | None = "auto"
    """A rule for the rows of a chunk, which must not contradict batch_chunk_size; None is no rule.

    'aspect_ratio' gives the logits of a chunk about as much room as the whole input has, and
    'aspect_ratio:N' an N-th of that. 'auto' gives way to batch_chunk_size, and is otherwise 'aspect_ratio'
    in float16 and bfloat16, 'aspect_ratio:2' in wider dtypes.
    """

    acc_policy: Literal["accurate", "balanced", "compact", "auto"] = "auto"
    """Which of torch's intermediates are in acc_dtype. Ours are all in float32 or wider."""

    acc_dtype: DTypeLike | None = None
    """The dtype that torch accumulates in: input's, or float32 where input is float16 or bfloat16."""

    def __post_init__(self) -> None:
        if self.acc_policy not in ("accurate", "balanced", "compact", "auto"):
            raise ValueError(f"acc_policy is {self.acc_policy!r}, expected accurate, balanced, compact or auto")
        if self.chunking_method not in (None, "auto", "aspect_ratio"):
            name, _, factor = self.chunking_method.partition(":")
            if name != "aspect_ratio" or not factor.isdigit() or int(factor) == 0:
                raise ValueError(
                    f"chunking_method is {self.chunking_method!r}, expected None, 'auto', 'aspect_ratio' or"
                    " 'aspect_ratio:N' with N from 1 on"
                )
        size = self.batch_chunk_size
        if size is not None and not (isinstance(size, int) and size > 0):
            raise ValueError(f"batch_chunk_size is {size!r}, expected None or an int from 1 on")
        if self.acc_dtype not in (None, *ACCUMULATORS):
            raise ValueError(f"acc_dtype is {self.acc_dtype!r}, expected None or a floating dtype up to float64")


def chunk_size(options: LinearCrossEntropyOptions, samples: int, features: int, classes: int, dtype: DType) -> int:
    """The rows of a chunk that the options ask for, at least 1."""
    wanted, method = options.batch_chunk_size, options.chunking_method
    if method is None or (method == "auto" and wanted is not None):
        return max(1, samples if wanted is None else min(wanted, samples))
    if method == "auto":
        method = "aspect_ratio" if dtype in HALVES else "aspect_ratio:2"
    # rows x classes logits fill the samples x features of the input; -(-a // b) rounds up
    rows = -(-samples // -(-classes // features))
    size = min((1 << (rows - 1).bit_length()) // int(method.partition(":")[2] or 1), samples)
    if wanted not in (None, size):
        raise ValueError(f"batch_chunk_size is {wanted}, but {method!r} makes chunks of {size}: give one of them")
    return max(1, size)


def check_dtypes(dtype: DType, weight_dtype: DType, options: LinearCrossEntropyOptions) -> None:
    """Refuse what torch refuses in chunks: an accumulator narrower than input, an input or a weight of another kind."""
    default = FLOAT32 if dtype in HALVES and options.acc_policy == "auto" else dtype
    accumulator = default if options.acc_dtype is None else np.dtype(options.acc_dtype)
    if accumulator != dtype and not (dtype in HALVES and accumulator == FLOAT32):
        raise RuntimeError(f"acc_dtype is {accumulator} for input of {dtype}, expected that or float32 for a half")
    if dtype.kind == "c" or not is_floating(np.empty((), dtype)):
        raise ValueError(f"input is {dtype}, expected a real floating dtype")
    # a weight of another dtype is cast only where torch casts it to the accumulator's
    if weight_dtype != dtype and accumulator == dtype:
        raise RuntimeError(f"linear_weight is {weight_dtype}, expected {dtype} as input is")
