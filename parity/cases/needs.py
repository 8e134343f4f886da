"""The key `torch:` of a case: the versions of torch that it is for, where torch cannot be asked."""

from typing import Annotated, Any, TypeAlias

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from parity.cases.errors import quoted
from parity.cases.specs import Strict

OLDEST = Version("2.4")
# Versions that a mark must tell apart from others, or it says nothing.
_SERVED = tuple(Version(f"2.{minor}") for minor in range(OLDEST.minor, 100))


def _specifier(text: str) -> str:
    """The text, if it names versions; refuses one that every torch has, or none."""
    try:
        versions = SpecifierSet(text)
    except InvalidSpecifier:
        expected = "expected versions of torch, such as '>=2.10'"
        raise PydanticCustomError("sentence", f"found {quoted(text)}, {expected}") from None
    inside = [version for version in _SERVED if version in versions]
    if not inside or len(inside) == len(_SERVED):
        extent = "every version" if inside else "no version"
        sentence = f"found {quoted(text)}, which holds of {extent} of torch from {OLDEST} on"
        raise PydanticCustomError("sentence", sentence)
    return text


Versions: TypeAlias = Annotated[str, AfterValidator(_specifier)]


class Need(Strict):
    """The versions of torch that a scenario is for; `where` narrows it to points by axis values.

    Among a file's defaults it narrows to cases too: `scenario` is a name or a list of names.
    """

    version: Versions = Field(description="versions of torch, such as '>=2.10' or '>=2.5,<2.14'")
    where: dict[str, Any] = Field(default={}, description="axis to value or list of values, such as {dtype: float16}")
    because: str | None = Field(default=None, description="what other versions do")

    def holds(self, torch: Version) -> bool:
        """Whether this release of torch is one of them; a release candidate counts as its release."""
        return Version(torch.base_version) in SpecifierSet(self.version)


def _needs(value: Any) -> Any:
    """Versions alone, or one need alone, as a list of needs."""
    return [_need(one) for one in (value if isinstance(value, list) else [value])]


def _need(value: Any) -> Any:
    return {"version": value} if isinstance(value, str) else value


Needs: TypeAlias = Annotated[
    list[Need], BeforeValidator(_needs, json_schema_input_type=Versions | Need | list[Versions | Need])
]
