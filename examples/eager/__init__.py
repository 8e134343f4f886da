"""Ten losses that torch lacks, as people write them in eager torch: the references of the cases beside."""

from examples.eager.contrastive import info_nce
from examples.eager.cross_entropies import label_smoothed_cross_entropy, softcapped_cross_entropy, z_loss_cross_entropy
from examples.eager.divergence import jensen_shannon
from examples.eager.focal import sigmoid_focal_loss, softmax_focal_loss
from examples.eager.overlap import dice_loss, tversky_loss
from examples.eager.preference import dpo_loss, grpo_loss

__all__ = [
    "dice_loss", "dpo_loss", "grpo_loss", "info_nce", "jensen_shannon", "label_smoothed_cross_entropy",
    "sigmoid_focal_loss", "softcapped_cross_entropy", "softmax_focal_loss", "tversky_loss", "z_loss_cross_entropy",
]  # fmt: skip
