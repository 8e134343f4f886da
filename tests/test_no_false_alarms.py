"""The true functions are never accused: torch itself on every point, our NumPy losses at many fresh seeds."""

import pytest

from parity import losses, registry
from parity.api import points
from parity.records import Record
from parity.run import run_point

BASES = 20
FRESH = range(10_000, 10_200)
SAMPLED = 5


def told(records: list[Record]) -> str:
    return "\n".join(str(record) for record in records if record.unexpected)


@pytest.mark.parametrize("loss", sorted(losses.LOSSES))
def test_torch_itself_is_green_at_twenty_seed_bases(loss: str) -> None:
    """Each base takes its share of the points; `pytest cases --implementation torch --seeds 20` takes all of both."""
    torch = registry.named("torch")
    records = []
    for number, point in enumerate(points(loss, torch, None, None, "default")):
        records.append(run_point(point, torch, [1000 * (1 + number % BASES)]))
    assert len(records) > BASES
    assert not told(records)


@pytest.mark.parametrize("loss", sorted(losses.LOSSES))
def test_numpy_losses_are_green_at_two_hundred_fresh_seeds(loss: str) -> None:
    ours = registry.named("numpy")
    drawn = [point for point in points(loss, ours, None, None, "default") if point.scenario.seeds > 1]
    step = max(1, len(drawn) // SAMPLED)
    assert not told([run_point(point, ours, FRESH) for point in drawn[step // 2 :: step]])
