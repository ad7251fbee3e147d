"""The masks of many frames: all are checked once, and read again when their frame comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from vostool.errors import MaskError
from vostool.types import MAX_OBJECTS, Annotation
from vostool.video.masks.annotation import annotate, explain, read_labels
from vostool.video.masks.colour_ids import ColourIds, renumber
from vostool.video.masks.kinds import Labels
from vostool.video.masks.objects import load_object_folder, load_object_masks
from vostool.video.masks.report import summary_line

# More lines than this would scroll away what matters.
MOST_LINES = 8
SINGLE_KINDS = ("binary", "alpha")


@dataclass(frozen=True, slots=True)
class Drawing:
    """The files that draw the objects of one frame; exactly one of the three is given.

    Attributes:
        frame_index: 0-based.
        picture: All objects in one picture.
        objects: One picture per object, by id.
        folder: A folder with one picture per object.
    """

    frame_index: int
    picture: Path | None = None
    objects: Mapping[int, Path] | None = None
    folder: Path | None = None

    @property
    def paths(self) -> tuple[Path, ...]:
        """What it is read from, a folder as such."""
        if self.objects is not None:
            return tuple(self.objects.values())
        return tuple(path for path in (self.picture, self.folder) if path is not None)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is kept of a mask that was checked."""

    source: str
    line: str
    object_ids: tuple[int, ...]
    has_notes: bool
    is_single: bool


class AnnotationSet(Mapping[int, Annotation]):
    """Annotations by frame, in rising order; holds their paths and ids, whatever their number.

    Args:
        drawings: At least one, no two of the same frame.
        size: Height and width of the upright frames.
        mode: How pictures with all objects are read, see ``load_masks``.
        is_exact: Whether objects that a mask does not show are absent in its frame; only then a mask may be empty.

    Attributes:
        drawings: In rising order of frames.
        frames: 0-based, rising.
        object_ids: Of all masks together, rising.
        notes: One line for each of the first masks, and what was decided between them.

    Raises:
        MaskError: A mask cannot be used, or together they have no object or too many.
        UsageError: There is no such mode.
    """

    def __init__(
        self, drawings: Sequence[Drawing], size: tuple[int, int], *, mode: str = "auto", is_exact: bool = False
    ) -> None:
        self.drawings = tuple(sorted(drawings, key=lambda drawing: drawing.frame_index))
        self.frames = tuple(drawing.frame_index for drawing in self.drawings)
        self._by_frame = dict(zip(self.frames, self.drawings, strict=True))
        self._size, self._mode, self._is_exact = size, mode, is_exact
        self._colour_ids = ColourIds()
        self._last: Annotation | None = None
        seen = self._look_at_all()
        self.object_ids = tuple(sorted({number for each in seen for number in each.object_ids}))
        self._require_number()
        self.notes = (*_shorten(seen), *_explain_singles(seen, self.object_ids))

    @property
    def paths(self) -> list[Path]:
        """Every file and folder that is read."""
        return [path for drawing in self.drawings for path in drawing.paths]

    def __getitem__(self, frame_index: int) -> Annotation:
        """The annotation of a frame, read from its files now.

        Raises:
            KeyError: The frame has none.
            MaskError: The files were changed since they were checked.
        """
        drawing = self._by_frame[frame_index]
        if self._last is None or self._last.frame_index != frame_index:
            self._last = self._read(drawing)
        return self._last

    def __iter__(self) -> Iterator[int]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)

    def __contains__(self, frame_index: object) -> bool:
        return frame_index in self._by_frame

    def _look_at_all(self) -> list[_Seen]:
        """Read every mask; those whose ids are told by colour once more when the colours of all are known."""
        seen: dict[int, _Seen] = {}
        painted: list[Drawing] = []
        taken: set[int] = set()
        for drawing in self.drawings:
            labels = read_labels(drawing.picture, self._size, self._mode) if drawing.picture else None
            if labels is not None and labels.painted is not None:
                self._colour_ids.add(labels.painted)
                painted.append(drawing)
                continue
            annotation = self._annotate(drawing, labels) if labels is not None else self._read(drawing)
            seen[drawing.frame_index] = look = self._describe(annotation)
            taken |= set() if look.is_single else set(look.object_ids)
        self._colour_ids.settle(taken)
        seen |= {drawing.frame_index: self._describe(self._read(drawing)) for drawing in painted}
        return [seen[frame_index] for frame_index in self.frames]

    def _describe(self, annotation: Annotation) -> _Seen:
        line = summary_line(annotation)
        line = line if self.frames == (0,) else f"frame {annotation.frame_index}: {line}"
        is_single = annotation.kind.startswith(SINGLE_KINDS) and bool(annotation.object_ids)
        return _Seen(annotation.source, line, annotation.object_ids, bool(annotation.notes), is_single)

    def _require_number(self) -> None:
        if not self.object_ids:
            message = f"none of the {len(self.drawings)} masks shows an object"
            raise MaskError(message, "paint the objects first", code="mask.empty")
        if len(self.object_ids) > MAX_OBJECTS:
            message = f"the masks have {len(self.object_ids)} objects, more than the {MAX_OBJECTS} that can be followed"
            raise MaskError(message, "split them over several runs", code="mask.too_many_objects")

    def _read(self, drawing: Drawing) -> Annotation:
        if drawing.objects is not None:
            annotation = load_object_masks(drawing.objects, self._size, frame_index=drawing.frame_index)
        elif drawing.folder is not None:
            annotation = load_object_folder(drawing.folder, self._size, frame_index=drawing.frame_index)
        else:
            assert drawing.picture is not None
            return self._annotate(drawing, read_labels(drawing.picture, self._size, self._mode))
        return replace(annotation, is_exact=self._is_exact)

    def _annotate(self, drawing: Drawing, labels: Labels) -> Annotation:
        assert drawing.picture is not None
        ids, painted = labels.ids, labels.painted
        if painted is not None and len(self.drawings) > 1:
            renamed = self._colour_ids.rename(painted)
            ids, painted = renumber(ids, painted, renamed), renamed
        notes = explain(labels, painted)
        return annotate(ids, drawing.picture.name, labels.kind, notes, drawing.frame_index, is_exact=self._is_exact)


def _shorten(seen: Sequence[_Seen]) -> list[str]:
    """The lines of a few masks; of many, the first ones and how many there are."""
    if len(seen) <= MOST_LINES:
        return [each.line for each in seen]
    more = sum(each.has_notes for each in seen[MOST_LINES:])
    told = f"{len(seen)} masks in all" + (f", {more} more with something to note" if more else "")
    return [*(each.line for each in seen[:MOST_LINES]), f"{told}; vostool mask check tells of one mask"]


def _explain_singles(seen: Sequence[_Seen], object_ids: tuple[int, ...]) -> list[str]:
    """A picture that only says where has no id of its own: say which it got, if others have."""
    singles = [each for each in seen if each.is_single]
    if len(object_ids) < 2 or not singles:
        return []
    names = [each.source for each in singles[:3]] + [f"{len(singles) - 3} others"] * (len(singles) > 3)
    what = f"{', '.join(names)} {'shows one object' if len(singles) == 1 else 'show one object each'}"
    numbers = " or ".join(map(str, sorted({number for each in singles for number in each.object_ids})))
    return [f"{what}, read as object {numbers}; the masks together have {', '.join(map(str, object_ids))}"]
