"""Global convolution: a wide window at the price of two thin ones (Peng et al. 2017, as RGMP, section 3.1, uses it)."""

from __future__ import annotations

from torch import Tensor, nn


class GlobalConvolution(nn.Module):
    """Sum of k x 1 then 1 x k and of 1 x k then k x 1 convolutions, with nothing between or after them."""

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int = 7) -> None:
        super().__init__()
        tall, flat = (kernel_size, 1), (1, kernel_size)
        self.conv_l1 = nn.Conv2d(in_channels, out_channels, tall, padding="same")
        self.conv_l2 = nn.Conv2d(out_channels, out_channels, flat, padding="same")
        self.conv_r1 = nn.Conv2d(in_channels, out_channels, flat, padding="same")
        self.conv_r2 = nn.Conv2d(out_channels, out_channels, tall, padding="same")

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_l2(self.conv_l1(x)) + self.conv_r2(self.conv_r1(x))
