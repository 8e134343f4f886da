"""What the items of one pytest session share: the implementations, the options, the records so far."""

from __future__ import annotations

import gc
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from parity.engine.budget import Budget
from parity.plugin.own import undefined

if TYPE_CHECKING:
    from parity.cases.signature import Signature
    from parity.causes.known import Baseline
    from parity.engine.gate import Gate
    from parity.engine.isolation import Isolated
    from parity.implementations.declaration import Implementation
    from parity.plugin.claim import Claim
    from parity.records.record import Record
    from parity.references.answers import Answers


class Run:
    """The options as they were given. Raises UsageError for those that cannot be meant."""

    claim: Claim

    def __init__(self, config: pytest.Config) -> None:
        words: list[str] | None = config.getoption("parity_implementation")
        self.asked = bool(words)
        self.names = [word for entry in words or ["numpy,textbook"] for word in entry.split(",") if word]
        self.own = any(":" in name for name in self.names)
        self.count: int | None = config.getoption("parity_seeds")
        self.base: int = config.getoption("parity_seed_base") or 0
        self.depth: str = config.getoption("parity_depth") or "default"
        self.where: str | None = config.getoption("parity_where")
        self.shard: str | None = config.getoption("parity_shard")
        self.strict = bool(config.getoption("parity_strict"))
        self.timeout: float | None = config.getoption("parity_timeout")
        self.memory: int | None = config.getoption("parity_memory")
        self.isolate: bool | None = config.getoption("parity_isolate")
        self.resumes = config.getoption("parity_resume") is not None
        self.results = _results(config)
        self.baseline, self.to_baseline = _baseline(config)
        self.debugged = bool(config.getoption("usepdb", False) or config.getoption("trace", False))
        self.root = config.rootpath
        self.budget = Budget(config.getoption("parity_budget"))
        self.until_failure = bool(config.getoption("parity_until_failure"))
        self.failed: set[tuple[str, str]] = set()
        self.notes: dict[str, list[str]] = {}
        self.gates: dict[tuple[str, str], Gate] = {}
        self.processes: dict[str, Isolated] = {}
        self.cache = bool(config.getoption("parity_cache"))
        self.answers: Answers | None = None
        config.add_cleanup(self.close)
        self.met = self.kept = 0
        self.defined: set[str] = set()
        self.frozen = False
        self.gone: list[str] = []
        if self.asked:
            _ = self.implementations
        if self.where is not None:
            _readable(self.where)

    @cached_property
    def implementations(self) -> list[Implementation]:
        """The implementations under test; a usage error in a sentence if one does not exist."""
        from parity.implementations.declaration import Misdeclared
        from parity.implementations.registry import named

        try:
            return [named(name) for name in self.names]
        except Misdeclared as error:
            raise pytest.UsageError(str(error)) from None

    def apart(self, implementation: Implementation) -> Isolated | None:
        """The process in which the implementation's points run; None for this one.

        What is not parity's own may crash, and runs apart, but not under a debugger.
        """
        wanted = not (implementation.trusted or self.debugged) if self.isolate is None else self.isolate
        if not wanted:
            return None
        if implementation.name not in self.processes:
            from parity.engine.isolation import MEMORY, TIMEOUT, Isolated

            timeout, memory = self.timeout or TIMEOUT, self.memory or MEMORY
            self.processes[implementation.name] = Isolated(implementation, timeout, memory, self.cache)
        return self.processes[implementation.name]

    def gate(self, implementation: Implementation, signature: Signature) -> Gate:
        """Whether points of this loss may run; a new one says first what is said of the loss once."""
        key = implementation.name, signature.loss
        if key not in self.gates:
            from parity.engine.gate import Gate

            self.gates[key] = Gate(self.answers_of(signature.loss))
            note = implementation.contract(signature).note
            if note:
                self.notes.setdefault(f"{implementation.name}: {note}", []).append(signature.loss)
        return self.gates[key]

    def answers_of(self, loss: str) -> Answers | None:
        """Torch's answers of earlier runs to a loss; those of the loss before are written, and let go."""
        if self.answers is None or self.answers.loss != loss:
            from parity.references.answers import Answers

            self.keep()
            self.answers = Answers(loss) if self.cache else None
        return self.answers

    def keep(self) -> None:
        """Keep torch's answers for later runs."""
        if self.answers is not None:
            self.answers.save()

    def over(self, key: tuple[str, str]) -> str:
        """Why the point of this id and implementation is not run; '' if it is. The clock runs from the first asked."""
        id, implementation = key
        loss = id.partition("/")[0]
        if (loss, implementation) in self.failed:
            return f"{loss} of {implementation} has failed"
        return f"{self.budget.words} is over" if self.budget.is_over() else ""

    def judged(self, record: Record) -> None:
        """Leave the loss at its first failure, if that is asked for."""
        if self.until_failure and record.unexpected:
            self.failed.add((record.loss, record.implementation))

    def close(self) -> None:
        """End the processes, once pytest has looked at what is garbage."""
        if self.frozen:
            gc.unfreeze()
            from parity.engine.lasting import ends_soon

            ends_soon()
        self.keep()
        for process in self.processes.values():
            process.close()
        self.processes.clear()

    @cached_property
    def earlier(self) -> dict[tuple[str, str], Record]:
        """The records of the run that is resumed, by point and implementation: these points are not run again."""
        if not self.resumes or self.results is None:
            return {}
        from parity.records.file import done, read_records

        return done(read_records(self.results))


RUN = pytest.StashKey[Run]()


def _readable(where: str) -> None:
    """Raise UsageError for what is no expression of facts."""
    from parity.facts.expression import Misspelt, parse

    try:
        parse(where)
    except Misspelt as error:
        raise pytest.UsageError(f"--parity-where: {error}") from None


def _results(config: pytest.Config) -> Path | None:
    """The file of records, if one is asked for."""
    results, resume = config.getoption("parity_results"), config.getoption("parity_resume")
    if results and resume and results != resume:
        raise pytest.UsageError(f"--parity-resume {resume} appends to that file: leave out --parity-results {results}")
    return Path(config.invocation_params.dir) / (resume or results) if resume or results else None


def selecting(config: pytest.Config) -> list[str]:
    """The options by which only some points of a loss are run."""
    options = {
        "-k": "keyword", "-m": "markexpr", "-x": "maxfail", "--lf": "lf", "--parity-where": "parity_where",
        "--parity-shard": "parity_shard", "--parity-budget": "parity_budget",
        "--parity-until-failure": "parity_until_failure",
    }  # fmt: skip
    given = [option for option, word in options.items() if config.getoption(word, None)]
    given += ["--parity-depth smoke"] * (config.getoption("parity_depth") == "smoke")
    return given + [argument for argument in config.args if "::" in argument]


def _baseline(config: pytest.Config) -> tuple[Baseline | None, Path | None]:
    """What is known to fail, and the file that is to be written; a usage error for what is no baseline."""
    name, writes = config.getoption("parity_baseline"), config.getoption("parity_write_baseline")
    if not name:
        if writes:
            raise pytest.UsageError("--parity-write-baseline needs a file: --parity-baseline FILE")
        return None, None
    path = Path(config.invocation_params.dir) / name
    if writes:
        if parts := selecting(config):
            said = "--parity-write-baseline writes what all points of a loss say: leave out"
            raise pytest.UsageError(f"{said} {' and '.join(parts)}")
        return None, path
    from parity.causes.known import Unusable, read_baseline

    try:
        return read_baseline(path), None
    except Unusable as error:
        raise pytest.UsageError(f"--parity-baseline: {error}") from None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What is said of each loss once, and which part of the points was run."""
    run = config.stash[RUN]
    for sentence, _ in undefined(run) if run.met else ():
        terminalreporter.write_line(f"parity: {sentence}", yellow=True)
    for note, losses in run.notes.items():
        terminalreporter.write_line(f"parity: {', '.join(losses)} of {note}")
    from parity.plugin.reports import about_torch, are_points, left

    for sentence in left(terminalreporter.stats):
        terminalreporter.write_line(f"parity: {sentence}", yellow=True)
    if run.depth == "smoke" and are_points(terminalreporter.stats):
        from parity.cases.order import SMOKE

        count = f" ({run.kept:,} of {run.met:,})" if run.met else ""
        most = f"at most {SMOKE} points a loss were asked for{count}, those that see most wrong losses"
        terminalreporter.write_line(f"parity: depth smoke: {most}")
    other = about_torch(terminalreporter.stats)
    if other:
        terminalreporter.write_line(f"parity: {other}")
