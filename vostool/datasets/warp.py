"""Where the pixels of a crop come from, and sampling pictures and masks there, on any device.

Affine maps are 3x3 float64 matrices from source to crop positions (x, y, 1); a pixel i covers i..i+1.
Shapes: N pictures of one size h, w (one for all frames, or one a frame); T frames of a crop of H, W.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def translation(x: float, y: float) -> np.ndarray:
    """Moves by x, y pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def linear(angle: float, scale_x: float, scale_y: float, shear: float) -> np.ndarray:
    """Shears, scales and rotates about the origin; angle and shear in radians."""
    cosine, sine = np.cos(angle), np.sin(angle)
    rotation = np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])
    stretch = np.array([[scale_x, scale_x * np.tan(shear), 0.0], [0.0, scale_y, 0.0], [0.0, 0.0, 1.0]])
    return rotation @ stretch


def place(matrix: np.ndarray, *, source: tuple[float, float], target: tuple[float, float]) -> np.ndarray:
    """The map that acts like ``matrix`` about ``source`` and carries it to ``target``; both (x, y)."""
    return translation(*target) @ matrix @ translation(-source[0], -source[1])


@dataclass(frozen=True)
class Warp:
    """How a source becomes the frames of a crop.

    Attributes:
        matrices: (T, 3, 3) from source to crop.
        size: (H, W) of the crop.
        bends: (T, 2, n, n) displacements in crop pixels, x and y, of points spread evenly over the crop; smooth cubics
            lie between them, which costs two small matrix products. None for none.
    """

    matrices: np.ndarray
    size: tuple[int, int]
    bends: np.ndarray | None = None

    @property
    def shrinking(self) -> int:
        """Whole number of source pixels that a crop pixel spans, at least 1."""
        return max(1, int(np.sqrt(1.0 / np.abs(np.linalg.det(self.matrices)).max())))

    def origins(self, device: torch.device) -> Tensor:
        """(T, H, W, 2) float32, the source position (x, y) of each crop pixel's centre; may lie beyond the source."""
        inverse = torch.from_numpy(np.linalg.inv(self.matrices)[:, :2].astype(np.float32)).to(device)
        height, width = self.size
        columns = torch.arange(width, device=device, dtype=torch.float32) + 0.5
        rows = torch.arange(height, device=device, dtype=torch.float32) + 0.5
        if self.bends is None:
            along, down = inverse[:, :, 0, None] * columns, inverse[:, :, 1, None] * rows + inverse[:, :, 2, None]
            return (along[:, :, None, :] + down[:, :, :, None]).permute(0, 2, 3, 1)
        bends = torch.from_numpy(self.bends.astype(np.float32)).to(device)
        num_points = bends.shape[-1]
        shifts = _spread(height, num_points, device) @ bends @ _spread(width, num_points, device).T
        points = torch.stack((columns + shifts[:, 0], rows[:, None] + shifts[:, 1]), dim=1).flatten(2)
        found = torch.baddbmm(inverse[:, :, 2:], inverse[:, :, :2], points)
        return found.unflatten(2, self.size).permute(0, 2, 3, 1)

    def reach(self) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest source position (x, y) that the crop shows, with a margin for the interpolation."""
        height, width = self.size
        bend = 0.0 if self.bends is None else 1.5 * float(np.abs(self.bends).max())
        x, y = (-bend, width + bend), (-bend, height + bend)
        corners = np.array([[x[0], y[0], 1], [x[1], y[0], 1], [x[0], y[1], 1], [x[1], y[1], 1]])
        points = (np.linalg.inv(self.matrices) @ corners.T)[:, :2]
        margin = 2 * self.shrinking
        return points.min(axis=(0, 2)) - margin, points.max(axis=(0, 2)) + margin


class Sampler:
    """Samples pictures and masks of one size at the places of a warp; beyond their borders they are mirrored."""

    def __init__(self, warp: Warp, source: tuple[int, int], device: torch.device) -> None:
        low, high = warp.reach()
        self._warp = warp
        self._columns, self._rows = (_mirrored_span(low[axis], high[axis], source[1 - axis]) for axis in (0, 1))
        self._extent = torch.tensor([source[1], source[0]], dtype=torch.float32, device=device)
        start = torch.tensor([self._columns.start, self._rows.start], dtype=torch.float32, device=device)
        self._origins = warp.origins(device)
        is_within = low.min() >= 0 and high[0] <= source[1] and high[1] <= source[0]
        self._points = (self._origins if is_within else _fold(self._origins, self._extent)) - start

    def pictures(self, pictures: Sequence[Tensor]) -> Tensor:
        """Bilinear samples; sources that shrink to less than half are averaged first.

        Args:
            pictures: N of (C, h, w) uint8.

        Returns:
            (T, C, H, W) float32 in 0..1.
        """
        pixels = self._cut(pictures).float() * (1.0 / 255.0)
        factor = self._warp.shrinking
        if factor > 1:
            pixels = F.avg_pool2d(pixels, factor, ceil_mode=True)
        extent = self._points.new_tensor([pixels.shape[-1], pixels.shape[-2]]) * factor
        grid = (self._points * (2.0 / extent) - 1.0).contiguous()
        num_frames, rows, columns = grid.shape[:3]
        if len(pictures) == num_frames:
            return F.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
        tall = F.grid_sample(pixels, grid.reshape(1, -1, columns, 2), padding_mode="border", align_corners=False)
        return tall[0].unflatten(1, (num_frames, rows)).transpose(0, 1)

    def masks(self, masks: Sequence[Tensor]) -> Tensor:
        """Nearest samples: N of (h, w) uint8 as (T, H, W) uint8."""
        pixels = self._cut(masks)
        height, width = pixels.shape[-2:]
        columns, rows = self._points.long().unbind(-1)
        places = rows.clamp_(0, height - 1).mul_(width).add_(columns.clamp_(0, width - 1)).flatten(1)
        found = pixels.flatten(1).expand(len(places), -1).gather(1, places)
        return found.unflatten(1, self._warp.size)

    def inside(self) -> Tensor:
        """(T, H, W) bool, where the crop shows the source itself and not its mirror images."""
        return ((self._origins >= 0) & (self._origins <= self._extent)).all(-1)

    def _cut(self, pictures: Sequence[Tensor]) -> Tensor:
        return torch.stack([picture[..., self._rows, self._columns] for picture in pictures])


def displace(masks: Tensor, warp: Warp) -> Tensor:
    """Moves each of (T, H, W) uint8 masks by its own map within the crop."""
    return Sampler(warp, warp.size, masks.device).masks(tuple(masks))


def _fold(points: Tensor, extent: Tensor) -> Tensor:
    """Positions beyond 0..extent as their mirror images within; there is one on each side."""
    return extent - (extent - points.abs()).abs()


def _mirrored_span(low: float, high: float, extent: int) -> slice:
    """The pixels of 0..extent that positions from low to high fold onto."""
    low, high = max(low, -float(extent)), min(high, 2.0 * extent)
    first = min(max(low, 0.0), 2 * extent - high if high > extent else extent)
    last = max(min(high, extent), -low if low < 0 else 0.0)
    return slice(int(first), min(extent, int(last) + 1))


@cache
def _spread(size: int, num_points: int, device: torch.device) -> Tensor:
    """(size, num_points) weights that spread points over the pixels by cubics."""
    unit = torch.eye(num_points)[None]
    across = F.interpolate(unit[None], (num_points, size), mode="bicubic", align_corners=True)
    return across[0, 0].T.contiguous().to(device)
