"""Where the shipped case files are."""

from pathlib import Path

PACKAGE = Path(__file__).parents[1]


def case_folder() -> Path:
    """The folder of the shipped cases: beside the package in a checkout, inside it when installed."""
    inside = PACKAGE / "shipped"
    return inside if inside.is_dir() else PACKAGE.parent / "cases"


def case_file(loss: str) -> Path:
    """The shipped cases of one loss."""
    return case_folder() / f"{loss}.yaml"
