"""``vostool systems``: what there is to choose from, and what it costs."""

from __future__ import annotations

from vostool.cli import options as shared
from vostool.cli.console import print_json, print_table


def systems_command(as_json: shared.Json = False) -> None:
    """List the systems: where they come from, what they cost, how they remember, and whether their weights are here.

    Costs are GMAC (10^9 multiplications) at 480x854: for each frame, for each object of a frame (the first, each
    further one), for each object of a frame that is remembered, and for a dense read of one remembered frame.
    """
    from vostool.pipelines.catalogue import describe_systems

    descriptions = describe_systems()
    if as_json:
        print_json([each.to_dict() for each in descriptions])
    else:
        print_table("systems; frame to read: GMAC at 480x854, see --help", [each.to_row() for each in descriptions])
