"""The cost of each system, counted, against what the published code was measured to cost."""

from __future__ import annotations

import pytest

from vostool.pipelines.catalogue import describe_systems
from vostool.pipelines.costs import FRAME_SIZE, Cost, system_cost
from vostool.systems import SYSTEMS

# Parameters; then GMAC at 480x854 per frame, per object, per remembered object, and per read of a remembered frame,
# shared and per object. Of the published code, by the same counter.
PUBLISHED = {
    "stm": (38.93e6, 36.65, 105.23, 37.30, 0.0, 1.68),
    "stcn": (54.43e6, 35.69, 99.43, 42.82, 0.17, 1.34),
    "rgmp": (51.52e6, 0.0, 303.8, 0.0, 0.0, 0.0),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_systems_cost_what_was_measured(name: str) -> None:
    cost = system_cost(name)
    found = (cost.parameters, cost.frame, cost.object, cost.memory_object, cost.read, cost.read_object)
    assert found == pytest.approx(PUBLISHED[name], rel=0.01, abs=0.004)


@pytest.mark.parametrize("name", SYSTEMS)
def test_cost_of_every_system(name: str) -> None:
    """A further object is never dearer than the first, and a quarter of the picture costs about a quarter."""
    cost, small = system_cost(name), system_cost(name, (FRAME_SIZE[0] // 2, FRAME_SIZE[1] // 2))
    assert 0 < cost.further_object <= cost.object
    assert small.parameters == cost.parameters
    assert small.frame + small.object == pytest.approx((cost.frame + cost.object) / 4, rel=0.15)


def test_descriptions_are_whole() -> None:
    descriptions = describe_systems()
    assert [each.system.name for each in descriptions] == list(SYSTEMS)
    for each in descriptions:
        record = each.to_dict()
        assert record["gmac"].keys() | {"parameters"} == Cost(0).to_dict().keys()
        assert all(each.to_row().values())
