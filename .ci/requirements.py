"""The pinned requirements for an environment, printed: with the torch that is asked for, or that it has already.

Which torch a user runs is the user's: his build for CUDA is never swapped for another one. Only an environment that
`make` made itself (the file .parity-own says so) follows the pin.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def requirements(pinned: str, asked: str, there: str, own: bool) -> str:
    """The lines of the requirements; `asked` and `there` are versions of torch, '' for none."""
    torch = asked or ("" if own else there)
    return re.sub(r"^torch==.*$", f"torch=={torch}", pinned, flags=re.MULTILINE) if torch else pinned


def installed() -> str:
    """The torch of this environment."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return ""


if __name__ == "__main__":
    file, asked = sys.argv[1], "".join(sys.argv[2:3])
    own = (Path(sys.prefix) / ".parity-own").exists()
    print(requirements(Path(file).read_text(), asked, installed(), own), end="")
