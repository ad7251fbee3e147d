"""SCM: shapes, what the constraint and the refinement do, where they start, and that all of it learns."""

from __future__ import annotations

import json

import pytest
import torch
from golden_fill import fill_network
from torch import Tensor

from vostool.memory.attention import dense_read, dot_similarity
from vostool.models.blocks.aspp import AtrousPyramid
from vostool.models.blocks.boundary_refinement import BoundaryRefinement
from vostool.models.blocks.resnest import resnest_stage
from vostool.models.blocks.spatial_constraint import OPEN_BIAS, SpatialConstraint, previous_cells
from vostool.models.network import QueryFeatures, sum_of_others
from vostool.models.scm import ScmConfig, ScmNetwork
from vostool.models.stm import VALUE_CHANNELS
from vostool.propagation.aggregate import aggregate_logits
from vostool.training.batch import ClipBatch, FramePrediction
from vostool.training.losses import frame_losses, total_loss
from vostool.training.papers import scm_main

SMALL = ScmConfig(num_blocks=(1, 1, 1), embedding_channels=16, refinement_channels=8)
HEIGHT, WIDTH = 64, 96


@pytest.fixture(scope="module")
def network() -> ScmNetwork:
    """Shallow, and filled so that no layer is at its start."""
    network = ScmNetwork(SMALL).eval().requires_grad_(False)
    fill_network(network, 3)
    return network


@pytest.fixture(scope="module")
def features(network: ScmNetwork) -> QueryFeatures:
    """Of two images."""
    torch.manual_seed(0)
    return network.encode_query(torch.rand(2, 3, HEIGHT, WIDTH))


def some_readout(num_objects: int) -> Tensor:
    torch.manual_seed(1)
    return torch.randn(num_objects, VALUE_CHANNELS, HEIGHT // 16, WIDTH // 16)


def some_masks(num_objects: int) -> Tensor:
    torch.manual_seed(2)
    return torch.rand(num_objects, HEIGHT // 16, WIDTH // 16).repeat_interleave(16, 1).repeat_interleave(16, 2)


@pytest.mark.parametrize("rows", [[0], [0, 1, 1]])
def test_shapes_follow_the_contract(network: ScmNetwork, features: QueryFeatures, rows: list[int]) -> None:
    image_of_object, masks = torch.tensor(rows), some_masks(len(rows))
    others = sum_of_others(masks, image_of_object)
    memory = network.encode_memory(torch.rand(2, 3, HEIGHT, WIDTH), features, masks, others, image_of_object)
    assert memory.key.shape == (len(rows), 128, 4, 6)
    assert memory.value.shape == (len(rows), VALUE_CHANNELS, 4, 6)
    assert (features.key.shape, features.value.shape) == ((2, 128, 4, 6), (2, VALUE_CHANNELS, 4, 6))
    coarse, refined = network.decode_stages(memory.value, features, masks, image_of_object)
    assert coarse.shape == refined.shape == (len(rows), HEIGHT, WIDTH)
    torch.testing.assert_close(network.decode(memory.value, features, masks, image_of_object), refined)


def test_names_keep_the_style_of_stm(network: ScmNetwork) -> None:
    assert network.has_object_keys
    names = {name.partition(".")[0] for name in network.state_dict()}
    assert names == {"Encoder_M", "Encoder_Q", "KV_M_r4", "KV_Q_r4", "Decoder", "pyramid", "constraint", "refinement"}


def test_each_object_alone_gives_what_it_gives_beside_others(network: ScmNetwork, features: QueryFeatures) -> None:
    rows, masks, readout = torch.tensor([0, 1, 1]), some_masks(3), some_readout(3)
    image, others = torch.rand(2, 3, HEIGHT, WIDTH), sum_of_others(masks, rows)
    memory = network.encode_memory(image, features, masks, others, rows)
    logits = network.decode(readout, features, masks, rows)
    for index in range(3):
        one = slice(index, index + 1)
        alone = network.encode_memory(image, features, masks[one], others[one], rows[one])
        torch.testing.assert_close(memory.key[one], alone.key, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(memory.value[one], alone.value, rtol=1e-4, atol=1e-4)
        expected = network.decode(readout[one], features, masks[one], rows[one])
        torch.testing.assert_close(logits[one], expected, rtol=1e-4, atol=1e-4)


def test_the_previous_mask_matters_only_by_what_is_above_one_half(network: ScmNetwork, features: QueryFeatures) -> None:
    rows, readout, masks = torch.tensor([0]), some_readout(1), some_masks(1)
    logits = network.decode(readout, features, masks, rows)
    torch.testing.assert_close(network.decode(readout, features, (masks > 0.5).float(), rows), logits)
    assert not torch.allclose(network.decode(readout, features, 1 - masks, rows), logits, atol=1e-3)


def test_logits_are_those_of_the_objects_channel(network: ScmNetwork, features: QueryFeatures) -> None:
    rows, masks, readout = torch.tensor([0, 1]), some_masks(2), some_readout(2)
    channels = network.decode_channels(readout, features, masks, rows)
    coarse, refined = network.decode_stages(readout, features, masks, rows)
    torch.testing.assert_close(coarse.sigmoid(), channels.softmax(1)[:, 1])
    torch.testing.assert_close(refined.sigmoid(), network.refinement(channels).softmax(1)[:, 1])


def test_the_loss_of_refined_logits_reaches_what_was_read(network: ScmNetwork, features: QueryFeatures) -> None:
    readout = some_readout(1).requires_grad_()
    network.decode(readout, features, some_masks(1), torch.tensor([1])).sum().backward()
    assert readout.grad is not None
    assert readout.grad.abs().sum() > 0


def test_without_a_previous_mask_the_embedding_is_left_alone(network: ScmNetwork, features: QueryFeatures) -> None:
    rows, readout = torch.tensor([0, 1]), some_readout(2)
    embedding = network.embed(readout, features, rows)
    torch.testing.assert_close(network.decoder_input(readout, features, None, rows), embedding)
    gated = network.decoder_input(readout, features, some_masks(2), rows)
    assert (gated <= embedding).all()
    assert (gated < embedding).any()


def test_cells_are_one_where_any_pixel_is_above_one_half() -> None:
    previous = torch.full((2, 32, 48), 0.5)
    previous[0, 17, 3], previous[1, 0, 47] = 0.51, 1.0
    cells = previous_cells(previous)
    assert cells.shape == (2, 1, 2, 3)
    assert cells.nonzero().tolist() == [[0, 0, 1, 0], [1, 0, 0, 2]]
    assert cells.sum() == 2


def test_the_constraint_multiplies() -> None:
    constraint = SpatialConstraint(4)
    embedding, masks = torch.randn(2, 4, 2, 3), some_masks(2)[:, :32, :48]
    start = torch.tensor(OPEN_BIAS).sigmoid()
    torch.testing.assert_close(constraint(embedding, masks), embedding * start)
    with torch.no_grad():
        constraint.conv.weight[0, 4, 1, 1] = 1000.0
        constraint.conv.bias.fill_(-500.0)
    torch.testing.assert_close(constraint(embedding, masks), embedding * previous_cells(masks))
    torch.testing.assert_close(constraint(embedding, torch.zeros_like(masks)), torch.zeros_like(embedding))


def test_the_pyramid_sees_at_its_dilations() -> None:
    """One bright position spreads to itself and its neighbours at each dilation."""
    pyramid = AtrousPyramid(1, 1, 1, (2, 4))
    for parameter in pyramid.parameters():
        torch.nn.init.constant_(parameter, 1.0 if parameter.dim() == 4 else 0.0)
    x = torch.zeros(1, 1, 11, 11)
    x[0, 0, 5, 5] = 1.0
    expected = torch.zeros(11, 11)
    for dilation in (2, 4):
        for y in (-dilation, 0, dilation):
            for z in (-dilation, 0, dilation):
                expected[5 + y, 5 + z] += 1.0
    torch.testing.assert_close(pyramid(x)[0, 0], expected)


def test_refined_starts_as_coarse() -> None:
    refinement, logits = BoundaryRefinement(2, 8), torch.randn(3, 2, 32, 48)
    assert torch.equal(refinement(logits), logits)
    torch.nn.init.normal_(refinement.residual.weight)
    assert not torch.allclose(refinement(logits), logits, atol=1e-3)


def test_config_survives_json() -> None:
    assert ScmConfig.from_dict(json.loads(json.dumps(SMALL.to_dict()))) == SMALL
    assert ScmConfig.from_dict({}) == ScmConfig()


def test_the_encoders_are_resnest101_to_stride_16() -> None:
    """The published count, less the last stage and the classifier; the memory encoder has two planes more."""
    with torch.device("meta"):
        network, last_stage = ScmNetwork(), resnest_stage(4, 3)
    counts = [
        sum(parameter.numel() for parameter in part.parameters())
        for part in (network.Encoder_Q, network.Encoder_M, last_stage)
    ]
    assert counts[0] == 48_275_016 - counts[2] - (2048 * 1000 + 1000)
    assert counts[1] == counts[0] + 2 * 128 * 7 * 7


def step_loss(network: ScmNetwork, frames: Tensor, labels: Tensor) -> Tensor:
    """Of the second frame, read from the first; the prior is the first frame's truth.

    Args:
        frames: (2, 3, H, W).
        labels: (2, H, W) ids 0..2.
    """
    rows = torch.zeros(2, dtype=torch.int64)
    masks = torch.stack([labels[0] == 1, labels[0] == 2]).float()
    first, second = (network.encode_query(frame[None]) for frame in frames)
    memory = network.encode_memory(frames[:1], first, masks, sum_of_others(masks, rows), rows)
    keys, values, queries = (part.flatten(2).transpose(1, 2) for part in (memory.key, memory.value, second.key))
    readout = dense_read(dot_similarity(keys, queries), values).transpose(1, 2).unflatten(2, second.key.shape[2:])
    stages = network.decode_stages(readout, second, masks, rows)
    coarse, refined = (aggregate_logits(logits.sigmoid()[None]) for logits in stages)
    batch = ClipBatch(frames[None], labels[None], labels[None])
    losses = scm_main().losses
    return total_loss(frame_losses(FramePrediction(refined, coarse), labels[1:], batch, losses, 0.0), losses)


def test_a_few_steps_lower_the_loss_and_reach_every_parameter() -> None:
    torch.manual_seed(0)
    network = ScmNetwork(SMALL).train()
    frames, labels = torch.rand(2, 3, 64, 64), torch.zeros(2, 64, 64, dtype=torch.int64)
    labels[0, 8:40, 4:30], labels[0, 30:60, 34:62] = 1, 2
    labels[1, 12:44, 6:32], labels[1, 28:58, 36:64] = 1, 2
    optimiser = torch.optim.SGD(network.parameters(), lr=0.005)
    totals = []
    for _ in range(3):
        loss = step_loss(network, frames, labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        totals.append(loss.item())
    assert totals[2] < totals[1] < totals[0]
    # At the first step the refinement's last layer is zero and lets no gradient behind it.
    assert not [name for name, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0]
