"""Which shared files a case file uses, found without the rest of it: what reads cases need not be imported for it."""

from pathlib import Path

from parity.cases.errors import CaseError
from parity.cases.reader import value_of
from parity.cases.shipped import case_folder


def shared_files(folder: Path) -> dict[str, Path]:
    """The shared files by name: those beside the loss's own file, and the shipped ones."""
    folders = case_folder() / "shared", folder / "shared"
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def with_shared(path: Path) -> list[Path]:
    """A case file and the shared files that it uses; a file that cannot be read stands alone."""
    try:
        names = value_of("use", path)
    except CaseError:
        return [path]
    known = shared_files(path.parent)
    return [path, *(known[name] for name in map(str, names) if name in known)] if isinstance(names, list) else [path]
