"""The page in a browser: without errors, in both themes, by keyboard, on a phone, without JavaScript."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from parity.records.read import read_records

if TYPE_CHECKING:
    from playwright.sync_api import Page

Opened = Callable[..., "Page"]
BOTH = ("green", "red")
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def page_of(request: pytest.FixtureRequest, which: str) -> Path:
    path: Path = request.getfixturevalue(which)
    return path


def search(page: "Page", text: str) -> str:
    """What the page says to a search."""
    page.fill("#search input", text)
    return page.inner_text("#search output")


def open_all(page: "Page") -> None:
    """Open a cell, its first scenarios and their first points, and all that can be opened beside."""
    page.click("#matrix td[data-by] a >> nth=0")
    for kind in ("scenario", "point"):
        for one in page.query_selector_all(f".drawer details.{kind}")[:3]:
            one.query_selector("summary").click()  # type: ignore[union-attr]
    page.evaluate(
        "document.querySelectorAll('details.part, .causes details, #allowance').forEach(one => one.open = true)"
    )


@pytest.mark.parametrize("which", BOTH)
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_axe_finds_nothing_and_nothing_overflows(
    request: pytest.FixtureRequest, opened: Opened, which: str, theme: str, size: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = opened(page_of(request, which), size=size, theme=theme)
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "light dark"
    assert page.evaluate(WIDER) == 0
    open_all(page)
    search(page, "float32 not reduction=none")
    assert page.evaluate(WIDER) == 0
    found: Any = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_themes_differ(opened: Opened, green: Path) -> None:
    colours = {
        opened(green, theme=theme).evaluate("getComputedStyle(document.body).backgroundColor")
        for theme in ("light", "dark")
    }
    assert len(colours) == 2


def test_the_verdict_and_the_causes_come_first(opened: Opened, red: Path) -> None:
    page = opened(red)
    assert "leave parity" in page.inner_text("h1")
    assert page.evaluate("[...document.querySelectorAll('main > section')].map(one => one.id)") == [
        "since", "causes", "matrix", "pictures", "details",
    ]  # fmt: skip
    assert page.evaluate("document.documentElement.scrollHeight") < 8000
    assert len(page.query_selector_all(".causes > li")) <= 6
    for loss in ("sigmoid", "logsigmoid", "soft_margin_loss"):
        assert loss in page.inner_text("#causes")


def test_what_changed_since_the_kept_run_leads_to_its_points(opened: Opened, red: Path) -> None:
    page = opened(red)
    told = page.inner_text("#since")
    assert "1 point newly failing, 1 point gone." in told
    assert ", gone" in told
    page.click("#since a >> nth=0")
    assert page.inner_text(".point.target .tally") == "failed"


def test_a_program_can_be_copied(opened: Opened, red: Path) -> None:
    page = opened(red, permissions=["clipboard-read", "clipboard-write"])
    page.click(".snippet button >> nth=0")
    page.wait_for_function("document.querySelector('.snippet button').textContent === 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.replace("\r", "") == page.text_content(".snippet pre")
    assert "import torch.nn.functional as F" in copied
    compile(copied, "snippet.py", "exec")


def test_a_cause_leads_to_its_points_and_is_an_anchor(opened: Opened, red: Path) -> None:
    page = opened(red, "#cause-2")
    assert page.evaluate("document.querySelector(':target').id") == "cause-2"
    assert 0 <= page.evaluate("document.getElementById('cause-2').getBoundingClientRect().top") < 400
    link = page.locator("#cause-2 .observed a")
    count = link.inner_text().split(" ")[0]
    link.click()
    page.wait_for_function("document.querySelector('#search input').value === 'cause 2'")
    assert page.inner_text("#search output").startswith(f"{count} of ")


def test_every_point_is_an_anchor(opened: Opened, red: Path) -> None:
    records = [one for one in read_records(red.with_name("results.jsonl")).records if one.verdict == "failed"]
    page = opened(red)
    for record in (records[0], records[len(records) // 2], records[-1]):
        page.goto(f"{red.as_uri()}#point={quote(record.id)}&by={record.implementation}")
        page.wait_for_selector(".point.target[open]")
        assert page.inner_text(".point.target summary .name") == record.id.split("/")[-1]
        link = page.get_attribute(".point.target a:has-text('link to this point')", "href")
        page.goto(f"{red.as_uri()}{link}")
        page.wait_for_selector(".point.target[open]")
        assert "seed" in page.inner_text(".point.target .differs >> nth=0")
        assert page.evaluate("document.activeElement.closest('.point') !== null")


def test_a_cell_opens_to_scenarios_and_those_to_points(opened: Opened, green: Path) -> None:
    page = opened(green)
    cell = page.locator("#loss-softmin td[data-by='numpy'][data-dtype='float32']")
    count = int(cell.locator("a").inner_text())
    cell.locator("a").click()
    assert page.inner_text(".drawer h3") == "softmin · numpy · float32"
    while page.locator(".drawer .more button").count():
        page.click(".drawer .more button")
    tallies = page.locator(".drawer .scenario > summary > .tally").all_inner_texts()
    assert sum(int(text) for text in tallies if text.isdigit()) == count
    page.click(".drawer .scenario > summary >> nth=0")
    page.click(".drawer .point > summary >> nth=0")
    assert "gradient of input" in page.inner_text(".drawer .point table")
    page.reload()
    assert page.inner_text(".drawer h3") == "softmin · numpy · float32"
    page.click(".drawer button:has-text('Close')")
    assert page.query_selector(".drawer") is None
    assert "loss" not in page.url.split("#")[-1]


def test_the_page_is_used_by_keyboard(opened: Opened, green: Path) -> None:
    page = opened(green)
    page.keyboard.press("/")
    page.keyboard.type("sigmoid xfailed")
    assert page.inner_text("#search output") == "1 of " + page.inner_text("#search output").partition(" of ")[2]
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    page.wait_for_selector("#results .point")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#results .point .facts")


def test_without_javascript_the_verdict_the_causes_and_the_matrix_read(opened: Opened, red: Path) -> None:
    page = opened(red, java_script_enabled=False)
    assert "leave parity" in page.inner_text("h1")
    assert "sign flipped" in page.inner_text("#cause-1") or "sign flipped" in page.inner_text("#causes")
    assert "failing" in page.inner_text("#matrix table")
    assert not page.is_visible("#search")
    assert not page.is_visible(".snippet button >> nth=0")


def test_a_file_that_lies_elsewhere_alone_is_whole(opened: Opened, green: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(green, tmp_path / "alone.html"))
    assert search(opened(alone), "passing").split(" ")[0] != "0"
