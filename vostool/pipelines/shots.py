"""What to do where a new shot begins, around whatever follows the objects."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Literal, Protocol, get_args

from vostool.types import Annotation, Frame, FrameResult
from vostool.video.reading.scene_cuts import SceneCuts

SceneCutPolicy = Literal["warn", "stop", "reset", "off"]
SCENE_CUT_POLICIES: tuple[str, ...] = get_args(SceneCutPolicy)


class Follower(Protocol):
    """What a Propagator can do."""

    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        """Segments one frame."""
        ...

    def drop(self, object_ids: Collection[int]) -> None:
        """Follows some objects no longer."""
        ...

    def reset(self) -> None:
        """Forgets all but annotated frames."""
        ...

    def pause(self) -> None:
        """Follows nothing until the next annotation."""
        ...

    def state(self) -> dict[str, Any]:
        """What ``restore`` needs to go on."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state."""
        ...


class ShotFollower:
    """A follower that heeds cuts.

    Args:
        follower: Does the work.
        policy: ``reset`` forgets all but annotated frames at a cut, ``stop`` follows nothing from a cut on until the
            next annotation; ``warn`` and ``off`` go on as if there were none.
        on_cut: Told the index of the first frame of each new shot that was heeded.
    """

    def __init__(
        self, follower: Follower, policy: SceneCutPolicy, on_cut: Callable[[int], None] = lambda index: None
    ) -> None:
        self._follower = follower
        self._policy = policy
        self._on_cut = on_cut
        self._cuts = SceneCuts()

    def step(self, frame: Frame, annotation: Annotation | None = None) -> FrameResult:
        """See ``Propagator.step``."""
        if self._policy in ("reset", "stop") and self._cuts.is_cut(frame.image):
            self._on_cut(frame.index)
            if self._policy == "reset":
                self._follower.reset()
            else:
                self._follower.pause()
        return self._follower.step(frame, annotation)

    def drop(self, object_ids: Collection[int]) -> None:
        """See ``Propagator.drop``."""
        self._follower.drop(object_ids)

    def state(self) -> dict[str, Any]:
        """See ``Propagator.state``."""
        return {"follower": self._follower.state(), "cuts": self._cuts.state()}

    def restore(self, state: dict[str, Any]) -> None:
        """See ``Propagator.restore``."""
        self._follower.restore(state["follower"])
        self._cuts.restore(state["cuts"])
