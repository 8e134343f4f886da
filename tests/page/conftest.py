"""Pages of real runs, and a real browser to open them in: Chromium, as Debian has it."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from parity.records.read import read_records
from parity.report.__main__ import KEPT, report
from tests.unit.recorded import written

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
GREEN = ("sigmoid", "logsigmoid", "softmin")
RED = ("sigmoid", "logsigmoid", "soft_margin_loss")
ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZES = {"desktop": (1280, 900), "phone": (360, 740)}


def lacking(sentence: str) -> Any:
    """Skip with a sentence; on a build machine, which must have a browser, it is a failure."""
    if os.environ.get("CI"):
        pytest.fail(f"{sentence}: .ci/run installs it")
    pytest.skip(sentence)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Browser]":
    """Chromium with an empty profile."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        lacking("the page is tested in Chromium, which is not on this machine (Debian's package chromium)")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        lacking("the page is tested in Chromium through playwright, which is not installed (the extra `test`)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: "Browser") -> "Iterator[Callable[..., Page]]":
    """A function that opens a file at a fragment in a size and theme; what is told to the console fails the test."""
    contexts, told = [], []

    def open_page(path: Path, fragment: str = "", size: str = "desktop", theme: str = "light", **more: Any) -> "Page":
        width, height = SIZES[size]
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if theme == "dark" else "light", **more
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: told.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: told.append(request.url) if request.url[:4] == "http" else None)
        page.goto(f"{path.as_uri()}{fragment}")
        if more.get("java_script_enabled", True):
            page.wait_for_selector("html.scripted", state="attached")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert told == []


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pages of a green run and of one with three broken losses; the workers of a run share it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "pages"
    done = folder / "done"
    try:
        folder.mkdir()
    except FileExistsError:
        while not done.exists():  # another worker is at it
            time.sleep(0.2)
        return folder
    try:
        _run(folder / "green" / "results.jsonl", GREEN)
        _run(folder / "red" / "results.jsonl", RED, "--parity-implementation", "tests.page.broken:IMPLEMENTATION")
        _kept(folder / "red")
        report(folder / "green" / "results.jsonl", folder / "green")
        report(folder / "red" / "results.jsonl", folder / "red")
    finally:
        done.touch()
    return folder


def _run(results: Path, losses: tuple[str, ...], *options: str) -> None:
    results.parent.mkdir()
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", *options]
    command += [*(f"cases/{loss}.yaml" for loss in losses), "--parity-results", str(results)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "GITHUB_"))}
    subprocess.run(command, cwd=ROOT, env={**clean, "PYTHONPATH": str(ROOT)}, check=False, capture_output=True)
    assert read_records(results).records, "the run has no record"


def _kept(folder: Path) -> None:
    """An earlier run: a point of it agrees that now fails, and another is gone."""
    records = read_records(folder / "results.jsonl").records
    first = next(record for record in records if record.verdict == "failed")
    agreed = replace(first, verdict="passed", mismatches=[], compared=1)
    gone = replace(first, id=f"{first.id}, gone", verdict="passed", mismatches=[], compared=1)
    written(folder / KEPT, agreed, gone, *(record for record in records if record is not first), end=1)


@pytest.fixture(scope="session")
def green(made: Path) -> Path:
    """The page of a run in which everything agrees."""
    return made / "green" / "parity.html"


@pytest.fixture(scope="session")
def red(made: Path) -> Path:
    """The page of a run with three broken losses, with a kept run before it."""
    return made / "red" / "parity.html"
