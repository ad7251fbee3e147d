"""RGMP against the numbers of its published code, made with weights that follow from their names; as a recurrence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_fill import fill_network
from golden_numbers import GoldenNumbers, load_golden
from torch import Tensor, nn
from torch.nn import functional

from vostool.models.blocks.global_convolution import GlobalConvolution
from vostool.models.rgmp import ChannelLogits, GuidedPyramid, RgmpNetwork

PADDING = (2, 3, 1, 2)  # 61x91 to 64x96
FIRST_OBJECT = 1  # Rows are those of the golden numbers: all objects together, the first, the second.


@pytest.fixture(scope="module")
def golden() -> GoldenNumbers:
    return load_golden("rgmp")


@pytest.fixture(scope="module")
def network() -> RgmpNetwork:
    network = RgmpNetwork().eval()
    fill_network(network, 0)
    return network


@pytest.fixture(scope="module")
def reference(network: RgmpNetwork, golden: GoldenNumbers) -> GuidedPyramid:
    return encode(network, golden, 0)


@pytest.fixture(scope="module")
def target(network: RgmpNetwork, golden: GoldenNumbers) -> GuidedPyramid:
    return encode(network, golden, 1)


def with_corners(network: RgmpNetwork, align_corners: bool) -> RgmpNetwork:
    """A network of the same weights, not copied."""
    with torch.device("meta"):
        twin = RgmpNetwork(align_corners)
    twin.load_state_dict(network.state_dict(), assign=True)
    return twin.eval()


@torch.no_grad()
def encode(network: RgmpNetwork, golden: GoldenNumbers, index: int) -> GuidedPyramid:
    """A frame with the masks of the first one, which are the truth for frame 0 and the guidance for frame 1."""
    frame = torch.from_numpy(golden["frames"][index]).permute(2, 0, 1)[None] / 255.0
    objects = torch.from_numpy(np.stack([golden["first_mask"] == number for number in (1, 2)])).float()
    masks = torch.cat([objects.sum(dim=0, keepdim=True), objects])
    rows = torch.zeros(3, dtype=torch.int64)
    return network.encode(functional.pad(frame, PADDING), functional.pad(masks, PADDING), rows)


def assert_golden(actual: Tensor, expected: np.ndarray, relative: float = 1e-5) -> None:
    allowed = 1e-4 + relative * float(np.abs(expected).max())
    torch.testing.assert_close(actual, torch.from_numpy(expected), atol=allowed, rtol=0.0)


def test_names_and_shapes_are_those_of_the_published_weights(network: RgmpNetwork, shared_folder: Path) -> None:
    """PyTorch 0.3.1, which saved them, did not count batches."""
    path = shared_folder / "golden" / "keys_rgmp.json"
    if not path.is_file():
        pytest.skip("the shared folder has no golden/keys_rgmp.json")
    published = json.loads(path.read_text(encoding="utf-8"))["keys"]
    expected = {name.removeprefix("module."): tuple(entry["shape"]) for name, entry in published.items()}
    counters = {name for name in network.state_dict() if name.endswith("num_batches_tracked")}
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items() if name not in counters}
    assert own == expected


def test_the_published_size(network: RgmpNetwork) -> None:
    """51.52 M parameters; 319 tensors with the statistics of batch norm (seoungwugoh/RGMP, weights.pth)."""
    assert sum(parameter.numel() for parameter in network.parameters()) == 51_518_920
    assert sum(not name.endswith("num_batches_tracked") for name in network.state_dict()) == 319


def test_encoder(reference: GuidedPyramid, target: GuidedPyramid, golden: GoldenNumbers) -> None:
    assert_golden(reference.s32[FIRST_OBJECT, None], golden["ref5_obj1"])
    assert_golden(target.s32[FIRST_OBJECT, None], golden["r5_t1_obj1"])
    assert [features.shape[1:] for features in target] == [(2048, 2, 3), (1024, 4, 6), (512, 8, 12), (256, 16, 24)]


@torch.no_grad()
def test_heads(network: RgmpNetwork, reference: GuidedPyramid, target: GuidedPyramid, golden: GoldenNumbers) -> None:
    heads = network.decode(target, reference.s32).heads
    for stage, head in enumerate(heads, start=2):
        assert_golden(head[FIRST_OBJECT, None], golden[f"p{stage}_t1_obj1"], relative=0.0)


@torch.no_grad()
@pytest.mark.parametrize("align_corners", [True, False])
def test_logits(
    align_corners: bool, network: RgmpNetwork, reference: GuidedPyramid, target: GuidedPyramid, golden: GoldenNumbers
) -> None:
    logits = with_corners(network, align_corners).decode(target, reference.s32)
    expected = golden[f"p_t1_scale1_ac{int(align_corners)}"]
    assert_golden(logits.full, expected, relative=0.0)
    softmax = functional.softmax(torch.from_numpy(expected), dim=1)[:, 1]
    assert_golden(logits.objects.sigmoid(), softmax.numpy(), relative=0.0)


@torch.no_grad()
def test_images_and_objects_of_a_batch_do_not_see_each_other(network: RgmpNetwork) -> None:
    generator = torch.Generator().manual_seed(0)
    images, rows = torch.rand(2, 3, 64, 32, generator=generator), torch.tensor([1, 0, 1])
    masks = torch.rand(3, 64, 32, generator=generator)
    features = network.encode(images, masks, rows)
    logits = network.decode(features, features.s32.flip(0)).full
    assert logits.shape == (3, 2, 64, 32)
    for index, row in enumerate(rows):
        first = torch.zeros(1, dtype=torch.int64)
        alone = network.encode(images[row, None], masks[index, None], first)
        of_one = network.decode(alone, features.s32[2 - index, None]).full
        torch.testing.assert_close(logits[index, None], of_one, rtol=1e-4, atol=1e-4)


def test_gradients_flow_back_through_three_frames(network: RgmpNetwork) -> None:
    """Training feeds soft masks back (section 3.2): the last frame's loss must reach the first guidance."""
    network.train()
    generator, rows = torch.Generator().manual_seed(0), torch.zeros(1, dtype=torch.int64)
    statistics = {name: tensor.clone() for name, tensor in network.named_buffers()}
    images = torch.rand(4, 1, 3, 64, 64, generator=generator)
    truth = torch.rand(1, 64, 64, generator=generator).round()
    guidance = truth.clone().requires_grad_()
    reference = network.encode(images[0], truth, rows).s32
    masks, logits = guidance, None
    for image in images[1:]:
        logits = network.decode(network.encode(image, masks, rows), reference)
        masks = logits.objects.sigmoid()
    assert isinstance(logits, ChannelLogits)
    loss = functional.binary_cross_entropy(masks, truth) + sum(head.square().mean() for head in logits.heads)
    loss.backward()
    assert guidance.grad is not None
    assert guidance.grad.abs().sum() > 0
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert not [name for name, parameter in trained.items() if parameter.grad is None or not parameter.grad.any()]
    for name, tensor in network.named_buffers():
        torch.testing.assert_close(tensor, statistics[name], rtol=0, atol=0)
    network.zero_grad(set_to_none=True)


def test_only_batch_norm_is_frozen(network: RgmpNetwork) -> None:
    frozen = {name for name, parameter in network.named_parameters() if not parameter.requires_grad}
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert len(frozen) == 2 * len(norms)
    assert not any(module.training for module in norms)


def test_global_convolution_sees_a_wide_window() -> None:
    """Seven by seven around a position, and nothing beyond."""
    torch.manual_seed(0)
    block = GlobalConvolution(2, 3).requires_grad_(False)
    image = torch.zeros(1, 2, 15, 15)
    changed = image.clone()
    changed[:, :, 7, 7] = 1.0
    seen = (block(changed) - block(image)).abs().sum(dim=(0, 1)) > 1e-6
    expected = torch.zeros(15, 15, dtype=torch.bool)
    expected[4:11, 4:11] = True
    assert torch.equal(seen, expected)
