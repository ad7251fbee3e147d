"""Tell the colours that someone painted from those that an edge's blur made, and undo the blur.

Grey levels are colours of one channel here. A colour is solid where a 3x3 block holds nothing else. The painted
("main") colours have solid pixels; a blend lies, in place and in value, between two of them.

Shapes: H, W of the picture; N distinct colours; C channels, 1 or 3; K main colours; P pixels looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from vostool.video.masks.colours import ColourTable, solid_pixels

# Blur that covers more than this share of the picture is no edge.
MAX_EDGE_SHARE = 0.25
# Of the blurred pixels, this share must lie between two painted colours; in photographs next to none does.
MIN_BLEND_SHARE = 0.5
# More painted colours than objects can be followed means that this is no mask.
MAX_MAIN_COLOURS = 65
_MAX_SAMPLES = 10_000
_MIN_EXACT_PIXELS = 9
_FEWEST_CHANCE_PIXELS = 8


@dataclass(frozen=True, slots=True)
class Repair:
    """Main colours of a picture and which of them each pixel belongs to.

    Attributes:
        colours: KxC float32, sorted.
        numbers: HxW int32, row of ``colours`` of each pixel.
        num_edge_colours: Colours that were blur.
        edge_share: Share of pixels that were given another colour, 0..1.
        is_flat: Most colours are areas rather than parts of a gradient.
    """

    colours: np.ndarray
    numbers: np.ndarray
    num_edge_colours: int
    edge_share: float
    is_flat: bool


def repair_edges(table: ColourTable, *, is_id_map: bool = False) -> Repair | None:
    """Find the main colours and give every blend to one of them; None if the picture does not look like a mask.

    Args:
        is_id_map: The values are small ids, not brightnesses, so that a thin object could pass for a blend: only a
            band along most edges counts as blur.
    """
    solid = solid_pixels(table.numbers)
    solid_counts = np.bincount(table.numbers[solid], minlength=len(table.counts))
    is_flat = bool(np.median(solid_counts / table.counts) >= 0.2)
    untouched = Repair(table.colours, table.numbers, 0, 0.0, is_flat)
    mains = _strong_colours(table, solid_counts)
    if not 2 <= len(mains) <= MAX_MAIN_COLOURS:
        return untouched
    if is_id_map:
        return _finish(table, solid, mains, is_flat) if _are_resized_ids(table, solid) else untouched
    # A band of one pixel has solid pixels two away; filters that make many colours reach farther.
    votes = _count_blends(table, solid, mains, radius=2 if len(table.counts) <= 16 else 6)
    is_edge = votes.are_edges()
    is_edge[mains] = False
    if not is_edge.any():
        return untouched
    mains = _with_thin_colours(table, mains, is_edge)
    return None if votes.share < MIN_BLEND_SHARE else _finish(table, solid, mains, is_flat)


def _finish(table: ColourTable, solid: np.ndarray, mains: np.ndarray, is_flat: bool) -> Repair | None:
    """Snap to the main colours, unless they are too many or leave too much over."""
    is_main = np.isin(np.arange(len(table.counts)), mains)
    blurred_share = float(table.counts[~is_main].sum() / table.numbers.size)
    if len(mains) > MAX_MAIN_COLOURS or blurred_share > MAX_EDGE_SHARE:
        return None
    numbers, edge_share = _snap(table, solid, mains)
    return Repair(table.colours[mains], numbers, int((~is_main).sum()), edge_share, is_flat)


@dataclass(frozen=True, slots=True)
class _Votes:
    """Of the pixels looked at, how many there were of each colour and how many lie between two main colours."""

    num_pixels: np.ndarray
    num_blends: np.ndarray

    @property
    def share(self) -> float:
        """Share of blends in all."""
        return float(self.num_blends.sum() / max(1, self.num_pixels.sum()))

    def are_edges(self) -> np.ndarray:
        """N bool: half of the colour's pixels or more are blends."""
        return (self.num_blends > 0) & (2 * self.num_blends >= self.num_pixels)


def _strong_colours(table: ColourTable, solid_counts: np.ndarray) -> np.ndarray:
    """Colours with a solid part, less the tails of wide blur: close to a colour twenty times as large."""
    candidates = np.flatnonzero(solid_counts > 0.1 * table.counts)
    candidates = candidates[np.argsort(-table.counts[candidates], kind="stable")]
    tolerance = _tolerance(table.colours[candidates]) if len(candidates) else 0.0
    strong: list[int] = []
    for number in candidates[: 4 * MAX_MAIN_COLOURS]:
        distances = np.abs(table.colours[strong] - table.colours[number]).max(axis=1) if strong else np.empty(0)
        larger = table.counts[strong] >= 20 * table.counts[number]
        if not (larger & (distances <= tolerance)).any():
            strong.append(int(number))
    return np.sort(np.array(strong, np.int64))


def _tolerance(colours: np.ndarray) -> float:
    """How far a resampling filter overshoots, about a tenth of the contrast."""
    return 0.1 * float((colours.max(axis=0) - colours.min(axis=0)).max())


def _count_blends(table: ColourTable, solid: np.ndarray, mains: np.ndarray, radius: int) -> _Votes:
    """Look at a sample of the pixels that have no main colour."""
    is_other = np.ones(len(table.counts), bool)
    is_other[mains] = False
    places = np.flatnonzero(is_other[table.numbers])
    places = places[:: max(1, len(places) // _MAX_SAMPLES)]
    sampled = table.numbers.ravel()[places]
    near = _mains_nearby(_main_map(table, mains, solid), places, len(mains), radius)
    is_blend = _between_two(table.colours[sampled], table.colours[mains], near)
    size = len(table.counts)
    return _Votes(np.bincount(sampled, minlength=size), np.bincount(sampled[is_blend], minlength=size))


def _main_map(table: ColourTable, mains: np.ndarray, where: np.ndarray | None = None) -> np.ndarray:
    """HxW int16: place in ``mains`` of each pixel's colour, -1 for others and outside ``where``."""
    places = np.full(len(table.counts), -1, np.int16)
    places[mains] = np.arange(len(mains))
    result = places[table.numbers]
    if where is not None:
        result[~where] = -1
    return result


def _mains_nearby(main_map: np.ndarray, places: np.ndarray, num_mains: int, radius: int) -> np.ndarray:
    """PxK bool: which main colours lie in the window of each of the flat ``places``."""
    padded = np.pad(main_map, radius, constant_values=-1)
    rows, columns = np.divmod(places, main_map.shape[1])
    near = np.zeros((len(places), num_mains + 1), bool)
    everyone = np.arange(len(places))
    for down, right in product(range(2 * radius + 1), repeat=2):
        # -1 falls into the spare last column.
        near[everyone, padded[rows + down, columns + right]] = True
    return near[:, :num_mains]


def _between_two(colours: np.ndarray, main_colours: np.ndarray, near: np.ndarray) -> np.ndarray:
    """P bool: each channel lies between those of two main colours nearby; a box, as not all blending is linear."""
    tolerance = _tolerance(main_colours)
    result = np.zeros(len(colours), bool)
    for first, second in combinations(range(len(main_colours)), 2):
        both = np.flatnonzero(near[:, first] & near[:, second])
        if both.size:
            low = np.minimum(main_colours[first], main_colours[second]) - tolerance
            high = np.maximum(main_colours[first], main_colours[second]) + tolerance
            result[both] |= ((colours[both] >= low) & (colours[both] <= high)).all(axis=1)
    return result


def _with_thin_colours(table: ColourTable, mains: np.ndarray, is_edge: np.ndarray) -> np.ndarray:
    """Add colours without a solid part that no blend explains: thin or tiny objects with hard edges."""
    others = np.flatnonzero(~is_edge & (table.counts >= _MIN_EXACT_PIXELS))
    others = np.setdiff1d(others, mains)
    distances = _distance_to_segments(table.colours[others], table.colours[mains])
    return np.union1d(mains, others[distances > 3 * _tolerance(table.colours[mains])])


def _distance_to_segments(colours: np.ndarray, main_colours: np.ndarray) -> np.ndarray:
    """P distances from each colour to the nearest straight line between two main colours."""
    nearest = np.full(len(colours), np.inf, np.float32)
    for first, second in combinations(range(len(main_colours)), 2):
        start, way = main_colours[first], main_colours[second] - main_colours[first]
        along = np.clip((colours - start) @ way / (way @ way), 0, 1)
        nearest = np.minimum(nearest, np.linalg.norm(colours - start - along[:, None] * way, axis=1))
    return nearest


def _snap(table: ColourTable, solid: np.ndarray, mains: np.ndarray) -> tuple[np.ndarray, float]:
    """Give every blend to the nearest main colour, among those around it where there are two or more."""
    main_colours = table.colours[mains]
    main_map = _main_map(table, mains)
    main_map.ravel()[_chance_mains(main_map, solid, main_colours)] = -1
    places = np.flatnonzero(main_map < 0)
    colours = table.colours[table.numbers.ravel()[places]]
    near = _mains_nearby(main_map, places, len(mains), radius=2)
    near[near.sum(axis=1) < 2] = True
    best, best_distance = np.zeros(len(places), np.int16), np.full(len(places), np.inf, np.float32)
    for main, colour in enumerate(main_colours):
        distance = np.where(near[:, main], np.linalg.norm(colours - colour, axis=1), np.inf)
        closer = distance < best_distance
        best[closer], best_distance[closer] = main, distance[closer]
    main_map.ravel()[places] = best
    return main_map.astype(np.int32), len(places) / main_map.size


def _chance_mains(main_map: np.ndarray, solid: np.ndarray, main_colours: np.ndarray) -> np.ndarray:
    """Flat places that have a main colour by chance: a blend of two others, far from its own solid part."""
    betweens = np.append(_lie_inside(main_colours), False)
    if not betweens.any():
        return np.empty(0, np.intp)
    places = np.flatnonzero(betweens[main_map] & ~solid)
    own = main_map.ravel()[places]
    near = _mains_nearby(np.where(solid, main_map, np.int16(-1)), places, len(main_colours), radius=3)
    is_lonely = ~near[np.arange(len(places)), own]
    places, own, near = places[is_lonely], own[is_lonely], near[is_lonely]
    return places[_between_two(main_colours[own], main_colours, near)]


def _are_resized_ids(table: ColourTable, solid: np.ndarray) -> bool:
    """True if ids were resized like brightness: a third id then runs along most of the edge between two others.

    A thin object looks the same in one place, but elsewhere its neighbours touch the background directly.
    """
    if len(table.counts) > MAX_MAIN_COLOURS:
        return False
    chance = _chance_mains(table.numbers.astype(np.int16), solid, table.colours)
    ranks = table.numbers.copy()
    ranks.ravel()[chance] = -1000
    steps = (np.abs(np.diff(ranks, axis=axis)) for axis in (0, 1))
    num_contacts = sum(int(((step > 1) & (step < 500)).sum()) for step in steps)
    size = len(table.counts)
    by_chance = np.bincount(table.numbers.ravel()[chance], minlength=size)
    is_bodiless = np.bincount(table.numbers[solid], minlength=size) == 0
    if (is_bodiless & (2 * by_chance > table.counts)).any():
        return len(chance) >= _FEWEST_CHANCE_PIXELS and 2 * len(chance) >= num_contacts
    return len(chance) >= max(num_contacts, _FEWEST_CHANCE_PIXELS, int(0.1 * (~solid).sum()))


def _lie_inside(main_colours: np.ndarray) -> np.ndarray:
    """K bool: the main colour lies in the box that two others span."""
    tolerance = _tolerance(main_colours)
    low = np.minimum(main_colours[:, None], main_colours[None]) - tolerance
    high = np.maximum(main_colours[:, None], main_colours[None]) + tolerance
    inside = np.zeros(len(main_colours), bool)
    for number, colour in enumerate(main_colours):
        is_pair = ((colour >= low) & (colour <= high)).all(axis=2)
        is_pair[number], is_pair[:, number] = False, False
        inside[number] = np.triu(is_pair, 1).any()
    return inside
