"""The ten losses of `examples.eager` in NumPy, with gradients derived by hand: each returns ``(output, vjp)``."""

from examples.by_hand.contrastive import info_nce
from examples.by_hand.cross_entropies import (
    label_smoothed_cross_entropy,
    softcapped_cross_entropy,
    z_loss_cross_entropy,
)
from examples.by_hand.divergence import jensen_shannon
from examples.by_hand.focal import sigmoid_focal_loss, softmax_focal_loss
from examples.by_hand.overlap import dice_loss, tversky_loss
from examples.by_hand.preference import dpo_loss, grpo_loss
from parity import Implementation

__all__ = [
    "dice_loss", "dpo_loss", "grpo_loss", "info_nce", "jensen_shannon", "label_smoothed_cross_entropy",
    "sigmoid_focal_loss", "softcapped_cross_entropy", "softmax_focal_loss", "tversky_loss", "z_loss_cross_entropy",
]  # fmt: skip

# For pytest examples/cases --parity-implementation examples.by_hand:IMPLEMENTATION
IMPLEMENTATION = Implementation("by_hand", losses={name: globals()[name] for name in __all__})
