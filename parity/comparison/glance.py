"""A first look at two arrays of many numbers: block by block, so that nothing as large as they are is made.

Nearly every comparison ends here.
"""

from parity.comparison.compare import judge
from parity.comparison.tolerance import Bound, ulp
from parity.types import Array

# Blocks of so many elements stay in the cache.
BLOCK = 1 << 15
# Beyond so many elements no neighbours are asked, which takes some forty calls of torch.
MOST = 1 << 19


def at_blocks(expected: Array, actual: Array, bound: Bound) -> tuple[float, float]:
    """The largest error as a share of its allowance, and the same error in ulp.

    It ends with the first block that misses its allowance, which takes a closer look.
    """
    one, other = expected.reshape(-1), actual.reshape(-1)
    worst = in_ulps = 0.0
    for start in range(0, one.size, BLOCK):
        e, a = one[start : start + BLOCK], other[start : start + BLOCK]
        if e.tobytes() == a.tobytes():
            continue
        most, share = judge(e, a, bound)
        if most > worst:
            worst, in_ulps = most, ulps(e, a, share)
        if not worst <= 1:
            break
    return worst, in_ulps


def ulps(expected: Array, actual: Array, share: Array) -> float:
    """The error of the element that misses by the largest share of its allowance, in units in the last place."""
    if not share.any():  # nothing differs: the same infinities are not to be subtracted
        return 0.0
    index = int(share.argmax())
    error = abs(actual.item(index) - expected.item(index))
    return ulp(float(error), float(abs(expected.item(index))), expected.dtype) if error == error else float("inf")
