"""The losses of torch.nn.functional, written by hand in NumPy: each returns ``(output, vjp)``.

A module holds a family, and names what it offers in its ``__all__``. A new family is a new module and a line here.
"""

from parity.losses.activations import *  # noqa: F403
from parity.losses.adaptive import *  # noqa: F403
from parity.losses.binary import *  # noqa: F403
from parity.losses.classification import *  # noqa: F403
from parity.losses.ctc import *  # noqa: F403
from parity.losses.distance import *  # noqa: F403
from parity.losses.distribution import *  # noqa: F403
from parity.losses.embedding import *  # noqa: F403
from parity.losses.linear import *  # noqa: F403
from parity.losses.linear_options import *  # noqa: F403
from parity.losses.margin import *  # noqa: F403
from parity.losses.multiclass_margin import *  # noqa: F403
from parity.losses.registration import REGISTERED
from parity.losses.regression import *  # noqa: F403
from parity.types import Loss

# What the cases are about: torch's losses and the functions that feed them, in the order of the alphabet.
LOSSES: dict[str, Loss] = dict(sorted(REGISTERED.items()))
