"""The words for facts, and what each says: one table. Words for arguments and options are made of their names.

A new fact is an entry here, and a line in `parity.facts.point` if the specification shows it, or in
`parity.facts.draw` if only the arrays do.
"""

import inspect
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from parity import losses
from parity.dtypes import NAMES
from parity.spelling import nearest


@dataclass(frozen=True, slots=True)
class Word:
    """One fact: its family, what it says as a sentence, and whether only the arrays of a draw show it."""

    family: str
    sentence: str
    drawn: bool = False


_LAYOUTS = {
    "fortran": "an array is in column-major order",
    "transposed": "the last two dimensions of an array are swapped in memory",
    "channels_last": "dimension 1 of an array is the fastest in memory",
    "batch_first": "the first two dimensions of an array are swapped in memory",
    "sliced": "an array is every second element of a longer buffer",
    "padded": "the rows of an array lie further apart than they are long",
    "split": "the samples of an array are dense and lie further apart than they are long",
    "reversed": "an array has negative strides",
    "expanded": "the first row of an array is repeated with stride 0",
    "repeated": "the first number of each row of an array is repeated with stride 0",
    "offset": "an array starts inside a larger buffer",
    "readonly": "an array must not be written to",
    "far": "the rows of an array lie so far apart that 32 bits hold no offset of the last",
}
_DATA = {
    "ignored targets": "a target is the class to ignore",
    "all targets ignored": "every target is the class to ignore",
    "infinite values": "an array holds inf or -inf",
    "nan": "an array holds nan",
    "huge values": "a finite number is so large that its exponential overflows: 88.8 in float32, in which halves are "
    "computed too, 709.8 in float64",
    "tiny values": "a number other than 0 is so small that its square is below the normal numbers: 1.1e-19 in float32, "
    "in which halves are computed too, 1.5e-154 in float64",
    "subnormals": "a number other than 0 is below the normal numbers of its dtype",
    "ties": "finite numbers that are compared with each other are equal: two in a row of scores, or input and target "
    "at one place (not looked for among more than 4,096 scores)",
    "zero weights": "an element of weight or pos_weight is 0",
    "negative weights": "an element of weight or pos_weight is below 0",
    "plain numbers": "there are numbers, and none of them is infinite, nan, huge, tiny or subnormal",
}
UPSTREAM = {
    "upstream strided": "the upstream gradient has gaps between its elements, or another order",
    "upstream expanded": "the upstream gradient is repeated with stride 0",
    "upstream ones": "the upstream gradient is 1 everywhere",
    "upstream with zeros": "the upstream gradient is 0 somewhere",
    "upstream infinite": "the upstream gradient is inf or nan somewhere",
}
_AROUND = {
    "autocast bfloat16": "the call is made in a region of autocast to bfloat16",
    "autocast float16": "the call is made in a region of autocast to float16",
    "vmap": "the function of one draw is mapped over a stack of draws",
    "vmap first": "the first array alone is mapped over a stack of draws, the others are those of one draw",
    "jvp": "the tangent of forward mode is compared",
    "compile": "the function is compiled by torch",
    "checkpoint": "the forward keeps nothing, and is run again in the backward",
    "positional": "all arguments are given by position, in torch's order",
    "default float64": "torch's default dtype is float64 during the call",
    "default bfloat16": "torch's default dtype is bfloat16 during the call",
    "default device": "torch's default device is another one during the call than that of the arguments",
    "deterministic": "torch's deterministic mode is on during the call, and fills new memory with nan",
    "thread": "the call is made in a thread of its own",
    "one storage": "all arrays lie in one memory",
    "same tensor": "arguments of the same shape and dtype are one tensor",
}
# How a call is made, before the sentence of what differs; 'under' the word where there is no entry.
HOW = {
    "": "", "positional": "called by position, ", "jvp": "under jvp, whose output is the tangent, ",
    "default float64": "where torch's default dtype is float64, ",
    "default bfloat16": "where torch's default dtype is bfloat16, ",
    "default device": "where torch's default device is another one, ",
    "deterministic": "in torch's deterministic mode, ", "thread": "in a thread of its own, ",
    "one storage": "with all arguments in one storage, ",
    "same tensor": "with one tensor for all arguments that are alike, ",
}  # fmt: skip
WORDS: dict[str, Word] = {
    **{name: Word("dtype", f"an array is of {name}") for name in NAMES},
    "complex": Word("dtype", "an array holds complex numbers"),
    "integer input": Word("dtype", "the input holds whole numbers or booleans"),
    "mixed dtypes": Word("dtype", "floating-point arrays are of more than one dtype"),
    "contiguous": Word("layout", "every array is in C order without gaps"),
    "not contiguous": Word("layout", "an array is not in C order, or has gaps"),
    **{name: Word("layout", sentence) for name, sentence in _LAYOUTS.items()},
    "legacy flags": Word("option", "size_average or reduce is given"),
    "class probabilities": Word("shape", "the target gives a probability for each class where it may give an index"),
    "more dimensions": Word("shape", "there are dimensions beyond the batch and one more"),
    "unbatched": Word("shape", "there is one sample, without a dimension for the batch"),
    "square": Word("shape", "an array has as many rows as columns, and more than one"),
    "one class": Word("shape", "there is a single class"),
    "one sample": Word("shape", "the batch holds a single sample"),
    "empty": Word("shape", "an array has no elements"),
    "0-d": Word("shape", "the input is a number, an array without dimensions"),
    "broadcasting": Word("shape", "arrays that are combined element by element have different shapes"),
    "large": Word("size", "there are more than 64 rows, or an array has more than 4,096 elements"),
    "very large": Word("size", "there are more than 4,096 rows, or an array has more than 262,144 elements"),
    "millions": Word("size", "an array has more than 1,048,576 elements"),
    **{word: Word("data", sentence, drawn=True) for word, sentence in _DATA.items()},
    **{word: Word("upstream gradient", sentence, drawn=True) for word, sentence in UPSTREAM.items()},
    **{word: Word("around the call", sentence) for word, sentence in _AROUND.items()},
    "refuses": Word("refusal", "the call must be refused"),
    "refuses dtype": Word("refusal", "the call must be refused for a dtype"),
    "refuses shape": Word("refusal", "the call must be refused for a shape or size"),
    "refuses range": Word("refusal", "the call must be refused for a value out of range"),
    "refuses type": Word("refusal", "the call must be refused for the type of an argument, or its name"),
    "refuses reduction": Word("refusal", "the call must be refused for an unknown reduction"),
}
# Words made of names, and what each says: OPTION, VALUE and ARGUMENT stand for what the losses have.
MADE: dict[str, Word] = {
    "OPTION": Word("option", "the option is given, and not at its default: `weight`, `label_smoothing`"),
    "OPTION=VALUE": Word("option", "the option has that value, given or by default: `reduction=none`, `swap=true`"),
    "ARGUMENT strided": Word("layout", "that array is not in C order, or has gaps: `weight strided`"),
}
_TEXTS = {
    "reduction": ("none", "mean", "sum", "batchmean", "elementwise_mean"),
    "returns": ("output", "loss"),
}
_TAIL = re.compile(r"tail_\d+_[01]_weight")  # arguments that adaptive_log_softmax_with_loss has by a pattern
_SPELT = {"True": "true", "False": "false", "None": "null"}


def drawn(word: str) -> bool:
    """Whether only the arrays of a draw show the fact."""
    return word in WORDS and WORDS[word].drawn


@lru_cache(4096, typed=True)
def valued(option: str, value: Any) -> str:
    """The word for an option's value: `reduction=none`, `swap=true`, `eps=1e-06`, `weight=null`."""
    if isinstance(value, bool) or value is None:
        return f"{option}={_SPELT[str(value)]}"
    # the cache takes -0.0 for 0.0, and so does the word
    return f"{option}={value + 0:g}" if isinstance(value, int | float) else f"{option}={value}"


def canonical(word: str) -> str:
    """The word in the one spelling that facts have: `swap=True` is `swap=true`, `margin=0.50` is `margin=0.5`."""
    option, equals, value = word.partition("=")
    if not equals:
        return word
    try:
        return valued(option, float(value))
    except ValueError:
        return f"{option}={_SPELT.get(value, value)}"


def unknown(word: str, also: Collection[str] = ()) -> str | None:
    """Why no fact has this (canonical) name, with the nearest word; None if one has.

    `also` are words beyond the table: those of losses and options of the user's own.
    """
    if word in WORDS or word in also or word in arguments():
        return None
    option, equals, value = word.partition("=")
    if equals and option in arguments():
        known = values(option)
        if known is None or value in known:
            return None
        return f"{option} is never {value!r}{nearest(value, known)}"
    array = word.removesuffix(" strided")
    if array != word and (array in arguments() or _TAIL.fullmatch(array)):
        return None
    return f"there is no fact {word!r}{nearest(word, {*listed(), *also}) or '; `parity facts` lists them all'}"


@cache
def arguments() -> frozenset[str]:
    """The names of the arguments of all losses."""
    return frozenset(_parameters())


def values(option: str) -> tuple[str, ...] | None:
    """The values that an option may have; None if they are too many to list."""
    return _TEXTS.get(option)


@cache
def options() -> tuple[str, ...]:
    """The names of the options of all losses: arguments with a default."""
    return tuple(sorted(name for name, one in _parameters().items() if one.default is not one.empty))


@cache
def listed() -> tuple[str, ...]:
    """Every word that can be listed: those of the table, of the options, and of the options' few values."""
    return (*WORDS, *options(), *(f"{option}={value}" for option, some in _TEXTS.items() for value in some))


def listable(word: str) -> bool:
    """Whether the word is one of a few: an option, or one of an option's few values."""
    option, equals, _ = word.partition("=")
    return not equals or option in _TEXTS


def _parameters() -> dict[str, inspect.Parameter]:
    return {
        name: parameter
        for function in losses.LOSSES.values()
        for name, parameter in inspect.signature(function).parameters.items()
    }


def families() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Each family with its words and their sentences, for people."""
    for family in dict.fromkeys(word.family for word in WORDS.values()):
        yield family, [(text, word.sentence) for text, word in {**WORDS, **MADE}.items() if word.family == family]
