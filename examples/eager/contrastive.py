"""InfoNCE: each query is to be nearer to its own key than to the keys of the others."""

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-12


def info_nce(
    query: Tensor, key: Tensor, temperature: float = 0.07, symmetric: bool = False, reduction: str = "mean"
) -> Tensor:
    """The cross entropy of the cosines cos(q_i, k_j) / temperature with the target i (CPC, SimCLR).

    query: (N, D). key: (N, D); with symmetric=False also (M, D), M > N, where the keys from N on are nobody's own.
    symmetric: the average with the cross entropy that seeks each key's query (CLIP).
    """
    similarity = F.normalize(query, dim=-1, eps=EPS) @ F.normalize(key, dim=-1, eps=EPS).T / temperature
    own = torch.arange(len(query), device=query.device)
    losses = F.cross_entropy(similarity, own, reduction=reduction)
    if symmetric:
        losses = (losses + F.cross_entropy(similarity.T, own, reduction=reduction)) / 2
    return losses
