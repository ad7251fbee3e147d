"""Pre-activation residual block and the refinement steps of the space-time-memory decoders."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))) without batch norm; 1x1 projection where the channels change (STM, section 3.3)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        self.projection = nn.Conv2d(in_channels, out_channels, 1) if in_channels != out_channels else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv2(functional.relu(self.conv1(functional.relu(x))))
        return self.projection(x) + residual


class WideResidualBlock(nn.Module):
    """The same with a 3x3 projection, named ``downsample``: STM's and STCN's ``ResBlock``."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        needs_projection = in_channels != out_channels
        self.downsample = nn.Conv2d(in_channels, out_channels, 3, padding=1) if needs_projection else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        residual = self.conv2(functional.relu(self.conv1(functional.relu(x))))
        return self.downsample(x) + residual


class UpsampleBlock(nn.Module):
    """Doubles the resolution, adds a projected skip connection and refines.

    The skip belongs to the image and is projected once; it is then shared by all objects of that image.
    """

    def __init__(self, skip_channels: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.skip = nn.Conv2d(skip_channels, in_channels, 1)
        self.refine = ResidualBlock(in_channels, out_channels)

    def forward(self, skip: Tensor, x: Tensor, image_of_object: Tensor) -> Tensor:
        """Args: skip (B, skip channels, 2h, 2w); x (M, channels, h, w); image_of_object (M,) rows of the batch."""
        doubled = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        return self.refine(doubled + self.skip(skip)[image_of_object])
