"""A call as a program without parity: literal tensors, both calls, and both answers with what differs marked."""

from collections.abc import Iterator, Sequence
from textwrap import fill

import numpy as np
import torch

from parity.cases.points import Point
from parity.causes import program
from parity.causes.calls import Called, of_reference, of_user, texts
from parity.causes.tensors import STRIDED_ARRAY, STRIDED_TENSOR, Writing, imports
from parity.comparison.second import directions
from parity.comparison.tolerance import bound
from parity.draws.draw import Plan, generator
from parity.dtypes import FLOATING, name_of
from parity.engine.state import known_state
from parity.frameworks.transformations import direction
from parity.implementations.declaration import Implementation
from parity.plain import visible
from parity.records.mismatch import Event, Kind, Mismatch, Subject
from parity.records.record import Record
from parity.records.sentences import sentence
from parity.references.reference import under
from parity.types import Array

# How a call is named in whose body the argument is the result of another operation.
NO_LEAF = "(no leaf)"


_STANDARD = ("concurrent", "functools", "math", "typing", "warnings")


def snippet(point: Point, implementation: Implementation, record: Record, results: Sequence[str] = ()) -> str:
    """The program that makes the call of a point at seed 0; `results` are told at its end, as a comment."""
    return _Snippet(point, implementation, record).text(results)


class _Snippet:
    def __init__(self, point: Point, implementation: Implementation, record: Record) -> None:
        self.point, self.implementation, self.record = point, implementation, record
        self.tensors = implementation.adapter.name != "numpy"
        self.writing = Writing(self.tensors)
        self.contract = implementation.contract(point.scenario.signature)
        self.reference = implementation.reference_of(point)
        if point.around.startswith("vmap"):
            self.reference = under(self.reference, self.contract.signature, point.around, self.contract.device)
        without = self.contract.terms(point).without
        arguments, self.grad_output = Plan(point).arguments(0)
        self.arguments = {name: value for name, value in arguments.items() if name not in without}
        self.arrays = {name: value for name, value in self.arguments.items() if isinstance(value, np.ndarray)}
        self.second = any(one.subject is Subject.SECOND for one in record.mismatches)
        self.warns = any(one.subject is Subject.WARNING for one in record.mismatches)
        self.dtypes: list[str] = []
        self.gradients = self._gradients()

    def _gradients(self) -> dict[str, Array]:
        """The reference's gradients by argument; none of a call that it refuses."""
        try:
            with known_state():
                output, vjp = self.reference(**self.arguments)
                found = dict(vjp(np.ones_like(output) if self.grad_output is None else self.grad_output))
                self.dtypes = [name_of(one.dtype) for one in (output, *found.values())]
                return found
        except Exception:
            return {}

    def text(self, results: Sequence[str]) -> str:
        arrays, calls = "\n".join(self._arrays()), "\n".join(self._calls())
        functions = "\n\n\n".join(part.strip("\n") for part in self._definitions() if part)
        called = "\n".join(one.definition for one in self._called if one.definition)
        body = "\n\n".join(filter(None, [called, arrays, calls]))
        head = ["import torch", "import torch.nn.functional as F", *imports(f"{functions}\n{body}")]
        head += [line for one in self._called for line in one.imports] + ["import warnings"] * self.warns
        told = "\n".join(f"# {visible(line)}".rstrip() for line in results)
        start = "\n".join(sorted(dict.fromkeys(head), key=_order))
        return "\n\n".join(filter(None, [self._comment(), start, f"\n{functions}\n", body, told])) + "\n"

    def _comment(self) -> str:
        """What is wrong, as a comment."""
        lines = [f"{self.point.loss} of {self.implementation.name}:"]
        lines += [f"- {sentence(one, self.reference.name)}" for one in self.record.mismatches]
        return "\n".join(
            fill(visible(line), 118, initial_indent="# ", subsequent_indent="#   ", break_on_hyphens=False)
            for line in lines
        )

    def _arrays(self) -> Iterator[str]:
        """A line for each array."""
        for name, array in self.arrays.items():
            yield self.writing.assigned(name, array, self.point.layouts.get(name, ""))
            if self.point.layouts.get(name) == "readonly" and not self.tensors:
                yield f"{name}.flags.writeable = False"
        if self.grad_output is not None:
            yield self.writing.assigned("grad_output", self.grad_output, self.point.layouts.get("grad_output", ""))
        if self.point.around == "jvp":
            for name in self._leaves(()):
                tangent = direction(name, torch.from_numpy(self.arrays[name].copy())).numpy()
                yield Writing(True).assigned(f"tangent_{name}", tangent, "")
        if self.second:
            along = directions(self.gradients, generator(f"{self.point.id}#0#directions"))
            yield "directions = {}"
            yield from (Writing(True).assigned(f'directions["{name}"]', value, "") for name, value in along.items())

    def _definitions(self) -> Iterator[str]:
        """The functions of the program."""
        device = self.implementation.device
        upstream = "grad_output" if self.tensors else "tensor(grad_output)"
        upstream += "" if device == "cpu" else ".to(output.device)"
        if any("strided(" in line.replace("as_strided(", "") for line in self._arrays()):
            strided = STRIDED_TENSOR if self.tensors else STRIDED_ARRAY
            # torch writes each of its zeros, of which rows that are far have many GiB between them
            yield strided.replace("new_zeros", "new_empty") if "far" in self.point.layouts.values() else strided
        if not self.tensors:
            yield program.TENSOR
        yield (program.TWICE if self.second else program.ANSWERS).replace("UPSTREAM", upstream)
        if not self.tensors:
            yield program.OF_ARRAYS
        rtol, atol = self._bounds()
        yield program.SAME.replace("RTOL", rtol).replace("ATOL", atol)
        if self.warns:
            yield program.WARNED
        yield program.AROUND.get(self._around, "")

    def _bounds(self) -> tuple[str, str]:
        """The tolerance of the answers as the program writes it: by dtype, if they have several."""
        dtypes = dict.fromkeys(name for name in (self.point.dtype, *self.dtypes) if name in FLOATING)
        bounds = [bound(FLOATING[name].numpy, "output") for name in dtypes]
        texts = [[f"{rtol * (64 if self.second else 1):g}" for rtol, _ in bounds], [f"{atol:g}" for _, atol in bounds]]
        if len(dtypes) == 1:
            return texts[0][0], texts[1][0]
        by_dtype = [", ".join(f"torch.{name}: {text}" for name, text in zip(dtypes, one, strict=True)) for one in texts]
        return f"{{{by_dtype[0]}}}[one.dtype]", f"{{{by_dtype[1]}}}[one.dtype]"

    @property
    def _called(self) -> tuple[Called, Called]:
        """The calls of both sides."""
        to = "" if self.implementation.device == "cpu" else f".to({self.implementation.device!r})"
        theirs = texts(self.point, self.arguments, Writing(True), "{}" if self.tensors else "tensor({})")
        theirs |= {name: name for name in self._leaves(())}
        ours = texts(self.point, self.arguments, self.writing, "{}" + to)
        if NO_LEAF in self._asked:
            ours |= {name: f"{name}.view_as({name}){to}" for name in self._leaves(())}
        positional = self.point.around == "positional"
        return (
            of_reference(self.reference, self.point, theirs, positional),
            of_user(self.point, self.implementation, ours, positional),
        )

    @property
    def _wanted(self) -> str:
        """The exception that the case expects, and torch forgets to raise."""
        unsafe = (one.figures["wanted"] for one in self.record.mismatches if one.event is Event.UNSAFE)
        return next(unsafe, "")

    @property
    def _asked(self) -> str:
        """How the call is made, if not as the case has it."""
        return next((one.asked for one in self.record.mismatches if one.kind is not Kind.EXTRA), "")

    @property
    def _around(self) -> str:
        """What the call is made under."""
        recorded = self.point.around in program.AROUND or "no_grad" not in self._asked
        return self.point.around if recorded else "no_grad"

    def _leaves(self, extra: Sequence[str]) -> list[str]:
        """The arguments that ask for a gradient: of a call that is asked for a part, those."""
        names = [*self.gradients, *(name for name in extra if name not in self.gradients)]
        if "no gradient" in self._asked or ("no_grad" in self._asked and self._around != "no_grad"):
            return []
        if self._asked.startswith("asked for the gradient of"):
            some = self._asked.removeprefix("asked for the gradient of").partition(" alone")[0].split()
            return [name for name in names if name in some]
        return names

    def _calls(self) -> Iterator[str]:
        """Both calls, and the comparison of their answers."""
        theirs, ours = (self._transformed(one.expression) for one in self._called)
        extra = [one.argument for one in self.record.mismatches if one.kind is Kind.EXTRA and one.argument is not None]
        around = "under({})" if self._around in program.AROUND else "{}"
        expected = f"answers({self._lambda(around, theirs, self._leaves(()), not self.tensors)}"
        found = f"answers({self._lambda(around, ours, self._leaves(extra), False)}"
        if not self.tensors:
            found = f"of_arrays(lambda: {ours})"
        if self._wanted:
            expected = repr({"raises": f"{self._wanted}: as the case expects"})
        if self.warns:
            expected, found = f"warned(lambda: {expected})", f"warned(lambda: {found})"
        lines = [*self._kept(), f"expected = {expected}", f"found = {found}"]
        compared = program.COMPARED.replace("THEIRS", "the case" if self._wanted else self.reference.name)
        yield from [*lines, compared.replace("OURS", self.implementation.name), *self._effects()]

    def _transformed(self, call: str) -> str:
        """The call mapped over a stack, or its tangent."""
        if self.point.around == "vmap":
            names = ", ".join(self.arrays)
            return f"torch.func.vmap(lambda {names}: {call})({names})"
        if self.point.around == "vmap first":
            first, *others = self.arrays
            shared = "".join(f", {name}[0]" for name in others)
            mapped = f"(0{', None' * len(others)})" if others else "0"
            return f"torch.func.vmap(lambda {', '.join(self.arrays)}: {call}, in_dims={mapped})({first}{shared})"
        if self.point.around == "jvp":
            names = ", ".join(self._leaves(()))
            tangents = ", ".join(f"tangent_{name}" for name in self._leaves(()))
            return f"torch.func.jvp(lambda {names}: {call}, ({names},), ({tangents},))[1].detach()"
        return call

    def _lambda(self, around: str, call: str, leaves: list[str], arrays: bool) -> str:
        taken = f" {', '.join(leaves)}" if leaves else ""
        given = "".join(f", {name}={f'tensor({name})' if arrays else name}" for name in leaves)
        return f"{around.format(f'lambda{taken}: {call}')}{given})"

    def _modified(self) -> list[str]:
        return [
            str(one.figures["name"]) for one in self.record.mismatches
            if one.kind is Kind.MUTATION and one.figures.get("name") in {*self.arrays, "grad_output"}
        ]  # fmt: skip

    def _kept(self) -> list[str]:
        """Copies of what the call modifies."""
        copy = "clone" if self.tensors else "copy"
        return [f"{name}_before = {name}.{copy}()" for name in self._modified()]

    def _effects(self) -> Iterator[str]:
        """What the call has done to its arguments, and to memory."""
        for name in self._modified():
            yield f"if not ({name}_before == {name}).all():"
            yield f'    print("{name}: was", {name}_before.tolist(), "is", {name}.tolist(), "  <-- differs")'
        for one in self.record.mismatches:
            yield from self._memory(one)

    def _memory(self, one: Mismatch) -> Iterator[str]:
        name = one.figures.get("name")
        if one.kind is Kind.MEMORY and name in self.arrays and self.tensors:
            yield f'if found["output"].data_ptr() == {name}.data_ptr():'
            yield f'    print("the output shares the memory of {name}   <-- differs")'


def _order(line: str) -> tuple[int, str]:
    """The standard library first, then what is installed, then the user's own."""
    first = line.split()[1].partition(".")[0]
    return 0 if first in _STANDARD else 1 if first in (
        "torch",
        "numpy",
        "ml_dtypes",
    ) else 2, line
