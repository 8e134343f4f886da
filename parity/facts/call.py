"""The facts of a call that no case describes, from its arguments: of the calls that an identity makes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from parity.dtypes import name_of
from parity.facts.draw import facts_of_draw
from parity.facts.point import Form, facts_of


@dataclass(frozen=True)
class _Call:
    """A call described as a point is: arrays in order, no transformation around it, no refusal to be expected."""

    loss: str
    given: Mapping[str, Any]
    defaults: Mapping[str, Any]
    around: str = ""
    refusal: None = None

    @cached_property
    def forms(self) -> dict[str, Form]:
        return {
            name: Form(value.shape, name_of(value.dtype), "contiguous")
            for name, value in self.given.items()
            if isinstance(value, np.ndarray)
        }


def facts_of_call(loss: str, arguments: Mapping[str, Any], defaults: Mapping[str, Any]) -> frozenset[str]:
    """What a call of a loss is about; `defaults` are those of its options."""
    return facts_of(_Call(loss, arguments, defaults)) | facts_of_draw(loss, arguments)
