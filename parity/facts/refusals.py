"""Why a call is refused: what is said of it, and the exception's class -> one of five families."""

import re

# The first that is found in a text decides.
_FAMILIES = (
    ("reduction", r"reduction|valid value|^is not valid$"),
    ("type", r"must be int\b|unexpected keyword|combination of arguments|unsupported operand|Missing key"
             r"|Unexpected key"),
    ("range", r"ignore_index|specified as"),
    ("dtype", r"[Dd]type|not implemented for|scalar type|bool|[Cc]omplex|be cast|integral|expected Double|Long or Byte"
              r"|expected Float|floating|whole numbers|automatic differentiation|gather"),
    ("shape", r"dimensionality|size at least|identity"),
    ("range", r"out of (bounds|range)|in label range|between|should be in|at (least|most) \d|positive|negative|invalid"
              r"|greater than|only p ==|increasing order|different chunk sizes"),
    ("shape", r"siz|shape|dim|broadcast|batch|match|empty|vector|matrix|target tensor|multi-target|in_features|length"),
)  # fmt: skip
_CLASSES = {"IndexError": "range", "TypeError": "type", "NotImplementedError": "dtype", "KeyError": "type"}


def family_of(error: str, *texts: str) -> str:
    """The family of a refusal by its texts, the most telling first, or else by its class of exception."""
    for text in texts:
        for family, pattern in _FAMILIES:
            if re.search(pattern, text):
                return family
    return _CLASSES.get(error, "range" if error == "ValueError" else "shape")
