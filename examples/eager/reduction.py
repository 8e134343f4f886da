"""The reductions none, mean and sum; a mean over the rows that count."""

from torch import Tensor


def reduced(losses: Tensor, reduction: str, counted: Tensor | None = None) -> Tensor:
    """The losses, their sum, or their mean: over all, or over as many as `counted` has true.

    Raises ValueError for an unknown reduction.
    """
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.mean() if counted is None else losses.sum() / counted.sum()
    raise ValueError(f"{reduction!r} is not a valid value for reduction: expected 'none', 'mean' or 'sum'")


def same_shape(input: Tensor, target: Tensor) -> None:
    """Raise ValueError for a target of another shape than input."""
    if target.shape != input.shape:
        raise ValueError(f"target has shape {tuple(target.shape)}, expected input's {tuple(input.shape)}")
