"""What `parity check` does: texts -> the options of `parity.check`, and its report -> the terminal, files, GitHub."""

import ast
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
import yaml

from parity.api import check
from parity.cases.errors import CaseError
from parity.cases.reference import Named, Unimportable
from parity.causes.cause import Cause
from parity.causes.known import Unusable
from parity.cli.app import verdict
from parity.implementations.declaration import Implementation, Misdeclared
from parity.plain import visible
from parity.records.file import Unwritable, Writer, header
from parity.records.record import Record
from parity.report import github
from parity.report.findings import FORMS
from parity.report.found import Report, Reports
from parity.report.places import Place, place_of

Found = Report | Reports
# What `--reference` says where none is to be asked.
NO_REFERENCE = "none"
# Options that say which points and draws are run, or for how long.
_OTHER_POINTS = ("only", "exclude", "seeds", "seed_base", "budget", "until_failure")
# What a sentence proposes, as Python has it.
_PROPOSED = re.compile(r"\b(declare|give|leave) (\w+)=('[^']*'|\[[^\]]*\]|\{[^}]*\})")


class Misused(ValueError):
    """What the command cannot mean: a sentence a line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The command as it was given: `options` are `parity.check`'s own, `texts` those that are still to be read."""

    loss: str
    function: str | None
    options: Mapping[str, Any]
    texts: Mapping[str, Any]
    save: Sequence[Path] = ()
    results: Path | None = None
    baseline: Path | None = None
    write_baseline: bool = False


def run(asked: Asked) -> bool:
    """Check, print the report, keep what is to be kept; whether everything agrees. Raises Misused."""
    if asked.write_baseline and asked.baseline is None:
        raise Misused("--write-baseline needs a file: --baseline FILE")
    words = ("only", "exclude", "budget", "until_failure")
    part = [f"--{word.replace('_', '-')}" for word in words if asked.options[word]]
    part += ["--depth smoke"] * (asked.options["depth"] == "smoke")
    if asked.write_baseline and part:
        raise Misused(f"--write-baseline writes what all points of a loss say: leave out {' and '.join(part)}")
    for path in asked.save:
        if path.suffix not in FORMS:
            raise Misused(f"--save {path} ends in {path.suffix or 'nothing'!r}, expected one of {', '.join(FORMS)}")
    timeout = asked.options["timeout"]
    if timeout is not None and not 0 < timeout < 1e9:
        raise Misused(f"--timeout is {timeout:g}, expected a number of seconds above 0")
    try:
        library, loss = _called(asked)
        options = {word: value for word, value in asked.options.items() if value is not None and value is not False}
        if options.pop("no_cache", False):
            options["cache"] = False
        if options.get("reference") == NO_REFERENCE:
            options["reference"] = None
        options |= {word: value for word, text in asked.texts.items() if (value := read(word, text)) is not None}
        if not asked.write_baseline:
            options["baseline"] = asked.baseline
        if loss is not None and not isinstance(library, Implementation):
            options.setdefault("name", str(asked.function).partition(":")[0])
        found: Found = check(library, **options) if loss is None else check(loss, library, **options)
    except (Unusable, Unimportable, Misdeclared, CaseError) as error:
        raise Misused(str(error)) from None
    for record in found.records:
        record.repeat = record.repeat and repeat(asked, record)
    verdict("\n".join(map(visible, as_options(str(found)).split("\n"))), found.ok)
    _keep(found, asked)
    if github.is_there():
        notes = [*found.notes, *found.others]
        for line in github.told(found.head, notes, found.causes, lambda cause: _place(cause, library)):
            print(line)
    return found.ok


def repeat(asked: Asked, record: Record) -> str:
    """The command that runs the draw of a record that fails, alone."""
    words = ["parity", "check", *filter(None, [asked.loss, asked.function])]
    for word, value in {**asked.options, **asked.texts}.items():
        option = f"--{word.replace('_', '-')}"
        if word in _OTHER_POINTS or value is None or value is False:
            continue
        for one in value if isinstance(value, list) else [value]:
            words += [option] if one is True else [option, str(one)]
    seed = record.mismatches[0].seed if record.mismatches else None
    return shlex.join([*words, "--only", record.id, "--seeds", "1", "--seed-base", str(seed or 0)])


def as_options(text: str) -> str:
    """The text with what it proposes to declare, `lacks=['gradient']`, as an option of the command."""

    def option(found: re.Match[str]) -> str:
        verb, word, literal = found.groups()
        try:
            value = ast.literal_eval(literal)
        except (SyntaxError, ValueError):
            return found[0]
        if isinstance(value, dict):
            value = [f"{name}={'...' if own is ... else own}" for name, own in value.items()]
        several = ",".join(value) if isinstance(value, list) else value
        return f"{verb} --{word.replace('_', '-')} {shlex.quote(several)}"

    return _PROPOSED.sub(option, text)


def _called(asked: Asked) -> tuple[Any, str | None]:
    """What is to be checked, and the loss, None of a library."""
    from parity.implementations.registry import SHIPPED, named
    from parity.losses import LOSSES

    if asked.function is None and asked.loss in LOSSES:
        raise Misused(f"which function? write `parity check {asked.loss} MODULE:FUNCTION`")
    name = asked.function or asked.loss
    subject = named(name) if name in SHIPPED else Named(name, Path.cwd()).named()
    return subject, asked.loss if asked.function is not None else None


def _keep(found: Found, asked: Asked) -> None:
    """Write the files that are asked for. Raises Misused with a sentence for one that cannot be."""
    try:
        for path in asked.save:
            typer.echo(f"wrote {found.save(path)}")
        if asked.results is not None:
            _write_records(found, asked)
        if asked.baseline is not None and asked.write_baseline:
            typer.echo(found.write_baseline(asked.baseline))
    except (Unusable, Unwritable) as error:
        raise Misused(str(error)) from None
    except BrokenPipeError:
        raise  # who read what is printed has gone: typer ends without a word
    except OSError as error:
        raise Misused(f"{error.filename} cannot be written: {error.strerror}") from None


def _write_records(found: Found, asked: Asked) -> None:
    """The file of records, as pytest writes it."""
    from parity.cases.uses import with_shared

    options, path = asked.options, asked.results
    assert path is not None
    paths = {file for record in found.records for file in with_shared(Path(record.path))}
    first = header([found.implementation], options["seeds"], options["seed_base"] or 0, options["depth"] or "default",
                   found.planned, None, paths)  # fmt: skip
    writer = Writer(path, first)
    for record in found.records:
        writer.write(record)
    writer.close(0 if found.ok else 1)
    if writer.problem:
        raise Unwritable(writer.problem)
    typer.echo(f"wrote {path}")


def _place(cause: Cause, library: Any) -> Place | None:
    """Where the function stands that a cause is about."""
    functions = getattr(library, "losses", library)
    loss = cause.example.loss
    function = functions.get(loss) if isinstance(functions, Mapping) else getattr(functions, loss, functions)
    return place_of(function) if callable(function) else None


def read(word: str, text: Any) -> Any:
    """An option as `parity.check` takes it, from the texts that the command was given. Raises Misused."""
    if not text:
        return None
    if word == "output":
        return int(text) if text.isdecimal() else text
    if word == "arguments":
        names = [name.strip() for entry in text for name in entry.split(",")]
        if any("=" in name for name in names):
            return dict(_pair(word, name, "=") for name in names)
        return names
    if word == "vary":
        return {option: _values(option, values) for option, values in (_pair(word, entry, "=") for entry in text)}
    if word == "equivalents":
        pairs = (_pair(word, entry, ":") for entry in text)
        return {wanted: [name.strip() for name in names.split(",")] for wanted, names in pairs}
    if word in ("tolerance", "expected_failures"):
        return dict(_pair(word, entry, ":") for entry in text)
    words: dict[str, str] = {}
    for entry in text:
        names, _, reason = entry.partition(":")  # a reason is that of all the words before it
        words |= {name.strip(): reason.strip() for name in names.split(",")}
    return words


def _pair(word: str, entry: str, sign: str) -> tuple[str, str]:
    name, found, value = entry.partition(sign)
    if not (found and name.strip() and value.strip()):
        option = word.replace("_", "-")
        raise Misused(f"--{option}: found {entry!r}, expected NAME{sign} VALUE as `parity check --help` shows")
    return name.strip(), value.strip()


def _values(option: str, text: str) -> Any:
    """The values of an option, as YAML has them: [null, 30.0]."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise Misused(f"--vary: found {text!r} for {option}, expected a list such as [null, 30.0]") from None
