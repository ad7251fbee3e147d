"""Labels carried by the likeness of ImageNet features, which were never trained on video.

Shapes: h, w the grid at stride 16, P = h x w its positions; T context frames; M maps (labels.py); C = 256 channels.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from vostool.errors import WeightsError
from vostool.models.blocks.resnet import ResNet18Stride16, normalise
from vostool.propagation.baselines.labels import to_labels, to_maps
from vostool.weights.load import Weights, apply_weights

BACKBONE_NAME = "resnet18_imagenet_layer3_bnfolded.safetensors"
STRIDE = 16
NUM_RECENT = 4
TOP_K = 10
TEMPERATURE = 0.1
WINDOW_RADIUS = 6


def load_backbone(path: Path | None) -> ResNet18Stride16:
    """ResNet-18 with the ImageNet parameters of a safetensors file, or of the file of the usual name in a folder.

    Raises:
        WeightsError: If no file is given, it is missing, or it holds something else.
    """
    hint = "give ResNet-18 up to layer3, batch norm folded, as safetensors (--backbone FILE or its folder)"
    if path is None:
        raise WeightsError(f"imagenet-features needs the backbone {BACKBONE_NAME}, which is not shipped", hint)
    file = path / BACKBONE_NAME if path.is_dir() else path
    if not file.is_file():
        raise WeightsError(f"the backbone {file} is missing", hint)
    try:
        tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
    except SafetensorError as error:
        raise WeightsError(f"the backbone {file} is not a whole safetensors file ({error})", hint) from error
    network = ResNet18Stride16()
    apply_weights(network, Weights(file, "imagenet-features", {}, tensors))
    return network.eval().requires_grad_(False)


class ImageNetFeatures:
    """Each position takes the soft labels of the most similar positions near it in the first and the recent frames.

    Cosine similarity of layer3 features at stride 16; the best ten positions, weighted by a softmax; context: the
    annotated frame and the last four.
    """

    def __init__(self, backbone: Path | None) -> None:
        self._network = load_backbone(backbone)

    @torch.inference_mode()
    def start(self, frame: np.ndarray, labels: np.ndarray) -> None:
        """Takes the annotated frame, HxWx3 uint8 RGB, and its HxW uint8 labels."""
        self._ids, maps = to_maps(labels)
        features = self._encode(frame)
        cells = functional.avg_pool2d(_pad(torch.from_numpy(maps)[None]), STRIDE)[0]
        self._far = _far_positions(*features.shape[1:])
        self._first = (features.flatten(1), cells.flatten(1))
        self._recent: deque[tuple[Tensor, Tensor]] = deque(maxlen=NUM_RECENT)

    @torch.inference_mode()
    def step(self, frame: np.ndarray) -> np.ndarray:
        """Takes the next frame, HxWx3 uint8 RGB, and returns its HxW uint8 labels."""
        features = self._encode(frame)
        queries = features.flatten(1)
        context = [self._first, *self._recent]
        similarities = [(queries.T @ keys).masked_fill(self._far, -torch.inf) for keys, _ in context]
        best, positions = torch.cat(similarities, dim=1).topk(TOP_K, dim=1)
        weights = torch.softmax(best / TEMPERATURE, dim=1)
        values = torch.cat([cells for _, cells in context], dim=1)
        cells = (values[:, positions] * weights).sum(dim=-1)
        self._recent.append((queries, cells))
        return self._upsample(cells.unflatten(1, features.shape[1:]), frame.shape[:2])

    def _encode(self, frame: np.ndarray) -> Tensor:
        """Features of unit length, Cxhxw."""
        image = torch.from_numpy(frame).permute(2, 0, 1)[None].float() / 255
        return functional.normalize(self._network(_pad(normalise(image))).s16[0], dim=0)

    def _upsample(self, cells: Tensor, size: tuple[int, ...]) -> np.ndarray:
        """Labels of a frame of that height and width from maps at stride 16, Mxhxw."""
        maps = functional.interpolate(cells[None], scale_factor=STRIDE, mode="bilinear")[0]
        return to_labels(self._ids, maps[:, : size[0], : size[1]].numpy())


def _pad(images: Tensor) -> Tensor:
    """Repeats the last row and column until both sides are multiples of the stride."""
    bottom, right = -images.shape[-2] % STRIDE, -images.shape[-1] % STRIDE
    return functional.pad(images, (0, right, 0, bottom), mode="replicate")


def _far_positions(height: int, width: int) -> Tensor:
    """PxP bool, True where two positions of the grid are not in one another's window."""
    rows, columns = (
        each.flatten() for each in torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    )
    row_distance, column_distance = (rows[:, None] - rows).abs(), (columns[:, None] - columns).abs()
    return torch.maximum(row_distance, column_distance) > WINDOW_RADIUS
