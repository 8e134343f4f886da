"""One point alone must not carry a kind: without any one scenario, every planted bug is still seen by another.

By the recorded kills, not by running anything. What hangs by one scenario stands in alone.yaml with the reason why
there is no second witness; a line there of which that is no longer true is told.
"""

from pathlib import Path

import yaml

from tests.kills.data import Kills, Seen, read, scenario_of
from tests.kills.subjects import planted

FILE = Path(__file__).with_name("alone.yaml")


def carried_by(kills: Kills, names: list[str]) -> dict[str, set[str]]:
    """The wrong losses that are seen no more, by the scenario without which they are not."""
    scenarios = {scenario_of(id) for name in names for id in kills.subjects[name].red}
    lost = {
        scenario: {name for name in names if _without(kills.subjects[name], scenario)} for scenario in sorted(scenarios)
    }
    return {scenario: found for scenario, found in lost.items() if found}


def _without(seen: Seen, scenario: str) -> bool:
    """Whether no point is red once the scenario is gone, though one was."""
    return bool(seen.red) and all(scenario_of(id) == scenario for id in seen.red)


def reasons() -> dict[str, str]:
    """Why a bug is seen by one scenario alone, by its name."""
    groups = yaml.safe_load(FILE.read_text()) or []
    return {name: group["because"] for group in groups for name in group["bugs"]}


def test_no_scenario_carries_a_kind_alone_but_those_listed() -> None:
    kills = read()
    names = [one.name for one in planted() if one.name in kills.subjects]
    carried = {name: scenario for scenario, lost in carried_by(kills, names).items() for name in lost}
    listed = reasons()
    new = {name: scenario for name, scenario in carried.items() if name not in listed}
    assert new == {}, "seen by one scenario alone: add a second witness, or the reason why there is none to alone.yaml"
    assert sorted(listed.keys() - carried.keys()) == [], "alone.yaml names what several scenarios see"


def test_what_a_scenario_carries_is_found() -> None:
    kills = Kills()
    kills.add("l: alone", ["l/one/a", "l/one/b"], {"l/two/a": 0.1})
    kills.add("l: twice", ["l/one/a", "l/two/a"], {})
    kills.add("l: unseen", [], {"l/one/a": 0.1})
    assert carried_by(kills, [*kills.subjects]) == {"one": {"l: alone"}}


def test_every_reason_is_a_sentence() -> None:
    assert [name for name, why in reasons().items() if len(why) < 20] == []
