"""Recognise what a mask picture means and turn it into ids."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from vostool.errors import MaskError, UsageError
from vostool.types import MAX_OBJECTS
from vostool.video.masks.colours import number_colours
from vostool.video.masks.ids import VOID, PaintedIds, drop_void, number_mains, palette_ids_of
from vostool.video.masks.noise import settle_noisy_colours, split_matte
from vostool.video.masks.picture import MaskPicture
from vostool.video.masks.repair import Repair, repair_edges

MaskMode = Literal["auto", "index", "binary", "color"]
MASK_MODES: tuple[MaskMode, ...] = get_args(MaskMode)
AMBIGUOUS = "mask.ambiguous"
AMBIGUOUS_LEVELS = "mask.ambiguous_levels"
# Notes on which id a value became; where one picture is one object they would be wrong.
_NAMES_IDS = re.compile(r"\b(is|as) object \d")
_MODE_HINT = "pass --mask-mode binary, color or index"


@dataclass(frozen=True, slots=True)
class Labels:
    """A mask picture as ids.

    Attributes:
        ids: HxW uint8, 0 background.
        kind: What the picture was recognised as.
        notes: What was repaired or decided.
        painted: Which colour became which id, if ids were told by colour.
    """

    ids: np.ndarray
    kind: str
    notes: tuple[str, ...] = ()
    painted: PaintedIds | None = None


def check_mode(mode: str) -> MaskMode:
    """The mode if there is such a one, ``colour`` too; raises UsageError."""
    for known in MASK_MODES:
        if mode.lower().replace("colour", "color") == known:
            return known
    raise UsageError(f"there is no mask mode {mode!r}", f"use one of {', '.join(MASK_MODES)}", code="usage.mask_mode")


def label_picture(picture: MaskPicture, mode: MaskMode = "auto") -> Labels:
    """Read ``picture`` in the way of ``mode``; raises MaskError if it is ambiguous."""
    read = {"auto": _detect, "index": _read_index, "binary": _read_binary, "color": _read_color}[mode]
    labels = read(picture)
    return replace(labels, notes=picture.notes + labels.notes)


def label_object(picture: MaskPicture) -> Labels:
    """Read a picture that shows one object: whatever it marks, of grey levels up to 255 the brighter half."""
    try:
        labels = _detect(picture)
    except MaskError as error:
        if error.code != AMBIGUOUS_LEVELS:
            raise
        labels = _read_binary(picture)
    if labels.kind.startswith("grey ids") and picture.alpha is None and picture.values.max() == VOID:
        labels = _read_binary(picture)
    num_ids = len(np.unique(labels.ids[labels.ids > 0]))
    notes = tuple(note for note in labels.notes if not _NAMES_IDS.search(note))
    notes += (f"{num_ids} ids taken as one object",) if num_ids > 1 else ()
    return Labels((labels.ids > 0).astype(np.uint8), labels.kind, picture.notes + notes)


def _detect(picture: MaskPicture) -> Labels:
    if picture.palette is not None:
        return _indexed(picture)
    if picture.alpha is not None:
        return _with_alpha(picture, picture.alpha)
    grey = _as_grey(picture)
    return _from_colours(picture) if grey is None else _from_grey(picture.name, grey, picture.form, picture.is_lossy)


def _read_index(picture: MaskPicture) -> Labels:
    """Values are ids, nothing is repaired; colours must be those of the DAVIS palette."""
    if picture.palette is not None:
        return _indexed(picture)
    opaque = _hide_transparent(picture)
    grey = _as_grey(opaque)
    if grey is not None:
        ids, notes = drop_void(grey)
        return Labels(ids, f"ids of {picture.form}", notes)
    table = number_colours(opaque.values)
    ids_of_colours = palette_ids_of(table.colours, tolerance=0)
    if ids_of_colours is None:
        message = f"{picture.name} has colours that are not in the DAVIS palette, so they are no ids"
        raise MaskError(message, "pass --mask-mode color or binary", code="mask.not_ids")
    ids, notes = drop_void(ids_of_colours[table.numbers])
    return Labels(ids, f"DAVIS colours of {picture.form}", notes)


def _read_binary(picture: MaskPicture) -> Labels:
    """One object: not index 0; or alpha, if it varies; or at least half as bright as the brightest pixel."""
    kind = f"binary {picture.form}"
    if picture.palette is not None:
        return Labels((picture.values > 0).astype(np.uint8), kind)
    is_cut = picture.alpha is not None and picture.alpha.min() < picture.alpha.max()
    levels = picture.alpha if is_cut and picture.alpha is not None else _brightness(picture)
    threshold = max(1, (int(levels.max()) + 1) // 2)
    note = f"{'alpha' if is_cut else 'brightness'} from {threshold} up is object 1"
    return Labels((levels >= threshold).astype(np.uint8), kind, (note,))


def _read_color(picture: MaskPicture) -> Labels:
    """Every colour but black is an object, grey ones and those of a palette too."""
    if picture.palette is not None:
        picture = replace(picture, values=picture.palette[picture.values], palette=None)
    picture = _hide_transparent(picture)
    if not picture.is_colour:
        picture = replace(picture, values=np.repeat(picture.values[..., None], 3, axis=2))
    return _from_colours(picture, is_asked=True)


def _indexed(picture: MaskPicture) -> Labels:
    """The index is the id, whatever the palette."""
    present = _levels(picture.values)
    if set(present) <= {0, VOID}:
        return Labels((picture.values > 0).astype(np.uint8), picture.form)
    ids, notes = drop_void(picture.values)
    if picture.palette is not None and 0 in present and picture.palette[0].any():
        black = [level for level in present if not picture.palette[level].any()]
        if black:
            notes += (f"the palette paints index {black[0]} black and 0 not; the index counts (or --mask-mode color)",)
    return Labels(ids, picture.form, notes)


def _with_alpha(picture: MaskPicture, alpha: np.ndarray) -> Labels:
    """Colours where they tell objects apart, else the shape that is opaque."""
    if alpha.min() == alpha.max() > 0:
        labels = _detect(replace(picture, alpha=None))
        return replace(labels, notes=(f"the alpha is {alpha.max()} everywhere and was ignored", *labels.notes))
    is_visible = alpha > alpha.max() // 2
    # Resampling soft edges overshoots in colour where alpha cannot.
    tolerance = 32 if len(_levels(alpha)) > 2 else 0
    visible = picture.values[is_visible]
    if not len(visible) or int(np.ptp(visible, axis=0).max()) <= tolerance:
        return _from_alpha(picture, alpha)
    try:
        return _detect(_hide_transparent(picture))
    except MaskError as error:
        if error.code not in (AMBIGUOUS, AMBIGUOUS_LEVELS):
            raise
        labels = _from_alpha(picture, alpha)
        return replace(labels, notes=("its colours are those of a picture, so alpha is the mask", *labels.notes))


def _from_alpha(picture: MaskPicture, alpha: np.ndarray) -> Labels:
    labels = _from_grey(picture.name, alpha, picture.form, picture.is_lossy)
    notes = tuple(note.replace("grey levels", "alpha levels") for note in labels.notes)
    return Labels((labels.ids > 0).astype(np.uint8), f"alpha of {picture.form}", notes)


def _from_grey(name: str, levels: np.ndarray, form: str, is_lossy: bool) -> Labels:
    """Ids, or one object with or without soft edges."""
    present = _levels(levels)
    painted = [level for level in present if level]
    if len(painted) <= 1:
        return _one_object(levels > 0, painted, form)
    is_id_map = max(_without_void(painted)) <= MAX_OBJECTS
    repair = None if is_lossy else repair_edges(number_colours(levels), is_id_map=is_id_map)
    mains = [] if repair is None else [int(level) for level in repair.colours[:, 0]]
    if repair is not None and len(mains) == 2 and mains[0] == 0:
        labels = _one_object(repair.numbers > 0, mains[1:], form)
        return replace(labels, notes=(_edge_note(repair, len(present), "grey levels", mains), *labels.notes))
    if repair is not None and _are_ids(mains, repair):
        ids, notes = drop_void(repair.colours[:, 0].astype(np.uint8)[repair.numbers])
        edges = (_edge_note(repair, len(present), "grey levels", mains),) if repair.edge_share else ()
        return Labels(ids, f"grey ids of {form}", edges + notes)
    threshold = split_matte(levels)
    if threshold is None:
        raise _ambiguous_grey(name, present)
    note = f"{len(present)} grey levels of a soft matte, from {threshold} up is object 1"
    return Labels((levels >= threshold).astype(np.uint8), f"binary {form}", (note,))


def _are_ids(mains: list[int], repair: Repair) -> bool:
    """True if levels can be ids: areas, not noise; a background where levels are large; 255 only beside small ids."""
    if len(mains) > 3 and not repair.is_flat:
        return False
    others = _without_void(mains)
    return max(others) <= MAX_OBJECTS or (0 in mains and VOID not in mains)


def _one_object(is_object: np.ndarray, painted: list[int], form: str) -> Labels:
    """A grey level that can be an id is kept, 255 and other brightnesses become 1."""
    level = painted[0] if painted else 0
    is_id = level <= MAX_OBJECTS
    notes = () if is_id or level == VOID else (f"grey {level} is read as object 1",)
    ids = is_object.astype(np.uint8) * np.uint8(level if is_id else 1)
    return Labels(ids, f"binary {form}", notes)


def _from_colours(picture: MaskPicture, *, is_asked: bool = False) -> Labels:
    """Every colour but black is an object: its place in the DAVIS palette, else numbered by colour value."""
    table = number_colours(picture.values)
    repair = None if picture.is_lossy else repair_edges(table)
    is_noisy = repair is None or len(repair.colours) > MAX_OBJECTS + 1
    repair = settle_noisy_colours(picture.values, table) if is_noisy else repair
    if repair is None:
        raise _too_many_colours(picture.name, len(table.counts), is_asked)
    tolerance = 8 if is_noisy else 0
    colour_ids, rule = number_mains(repair.colours, tolerance)
    ids, notes = drop_void(colour_ids[repair.numbers])
    if len(table.counts) > len(repair.colours):
        notes = (_colour_note(repair, len(table.counts)), *notes)
    colours = [(int(red), int(green), int(blue)) for red, green, blue in repair.colours]
    painted = tuple((colour, int(number)) for colour, number in zip(colours, colour_ids, strict=True) if number)
    return Labels(ids, f"colours of {picture.form}", notes, PaintedIds(painted, rule, tolerance))


def _as_grey(picture: MaskPicture) -> np.ndarray | None:
    """HxW grey levels, None if there is colour; lossy formats tint grey a little."""
    if not picture.is_colour:
        return picture.values
    values = picture.values.astype(np.int16) if picture.is_lossy else picture.values
    if picture.is_lossy:
        return picture.values[..., 1] if int(np.ptp(values, axis=2).max()) <= 16 else None
    is_grey = (values[..., 0] == values[..., 1]).all() and (values[..., 1] == values[..., 2]).all()
    return np.ascontiguousarray(values[..., 0]) if is_grey else None


def _hide_transparent(picture: MaskPicture) -> MaskPicture:
    """Paint black what is less than half as opaque as the most opaque pixel."""
    if picture.alpha is None:
        return picture
    is_visible = picture.alpha > picture.alpha.max() // 2
    values = picture.values * (is_visible[..., None] if picture.is_colour else is_visible)
    return replace(picture, values=values, alpha=None)


def _brightness(picture: MaskPicture) -> np.ndarray:
    return picture.values.max(axis=2) if picture.is_colour else picture.values


def _levels(values: np.ndarray) -> list[int]:
    return [int(level) for level in np.flatnonzero(np.bincount(values.ravel(), minlength=256))]


def _without_void(levels: list[int]) -> list[int]:
    return [level for level in levels if level != VOID] or [VOID]


def _edge_note(repair: Repair, num_levels: int, unit: str, mains: list[int]) -> str:
    share = f"{repair.edge_share:.1%}".replace("%", " %")
    if not repair.num_edge_colours:
        return f"the ids were resized like brightness, {share} of pixels given back to their neighbours"
    names = ", ".join(str(level) for level in mains)
    are = "is" if repair.num_edge_colours == 1 else "are"
    return f"{num_levels} {unit}: {repair.num_edge_colours} {are} edge blur ({share} of pixels), snapped to {{{names}}}"


def _colour_note(repair: Repair, num_colours: int) -> str:
    share = f"{repair.edge_share:.1%}".replace("%", " %")
    num_blurred = num_colours - len(repair.colours)
    are = "is" if num_blurred == 1 else "are"
    return f"{num_colours} colours: {num_blurred} {are} edge blur or noise ({share} of pixels), snapped to the nearest"


def _too_many_colours(name: str, num_colours: int, is_asked: bool) -> MaskError:
    if not is_asked:
        return MaskError(f"{name} has {num_colours} distinct colours and no palette", _MODE_HINT, code=AMBIGUOUS)
    message = f"{name} has {num_colours} distinct colours, more than the {MAX_OBJECTS} objects that can be followed"
    return MaskError(message, "pass --mask-mode binary or index", code="mask.too_many_objects")


def _ambiguous_grey(name: str, present: list[int]) -> MaskError:
    if len(present) <= 8:
        levels = ", ".join(str(level) for level in present)
        message = f"{name} has the grey levels {levels}, which can be ids, objects or shades"
        return MaskError(message, _MODE_HINT, code=AMBIGUOUS_LEVELS)
    message = f"{name} has {len(present)} grey levels and no palette"
    return MaskError(message, _MODE_HINT, code=AMBIGUOUS)
