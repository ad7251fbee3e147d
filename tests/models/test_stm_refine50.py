"""STM with Refine-50: it starts as STM, and all of its refinement learns."""

from __future__ import annotations

import pytest
import torch
from golden_fill import fill_network
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from vostool.models.blocks.scale_context import ScaleContext
from vostool.models.network import MemoryFeatures, QueryFeatures, sum_of_others
from vostool.models.stm import Backbone, QueryEncoder, StmNetwork, resnet50_backbone
from vostool.models.stm_refine50 import StmRefine50Network, refine50_backbone
from vostool.systems import SYSTEMS
from vostool.training.batch import ClipBatch
from vostool.training.recipe import Recipe
from vostool.training.trainee import Trainee

ROWS = torch.zeros(2, dtype=torch.int64)


@pytest.fixture(scope="module")
def stm() -> StmNetwork:
    network = StmNetwork()
    fill_network(network, 5)
    return network


def refined(stm: StmNetwork) -> StmRefine50Network:
    """A new network with STM's weights in the part that they share."""
    network = StmRefine50Network()
    network.load_state_dict(stm.state_dict(), strict=False)
    return network


def outputs(network: StmNetwork) -> tuple[QueryFeatures, MemoryFeatures, Tensor]:
    generator = torch.Generator().manual_seed(0)
    image, masks = torch.rand(1, 3, 32, 48, generator=generator), torch.rand(2, 32, 48, generator=generator)
    with torch.inference_mode():
        features = network.encode_query(image)
        memory = network.encode_memory(image, features, masks, sum_of_others(masks, ROWS), ROWS)
        return features, memory, network.decode(memory.value, features, None, ROWS)


def test_it_has_all_names_of_stm_and_those_of_its_refinement(stm: StmNetwork) -> None:
    outcome = StmRefine50Network().load_state_dict(stm.state_dict(), strict=False)
    assert not outcome.unexpected_keys
    assert {".".join(name.split(".")[:2]) for name in outcome.missing_keys} == {
        "Encoder_M.refinement",
        "Encoder_Q.refinement",
    }


def test_it_starts_as_stm(stm: StmNetwork) -> None:
    (_, memory, logits), (_, expected_memory, expected) = outputs(refined(stm)), outputs(stm)
    torch.testing.assert_close(memory.key, expected_memory.key, rtol=0, atol=0)
    torch.testing.assert_close(logits, expected, rtol=0, atol=0)


def test_shapes_are_those_of_stm(stm: StmNetwork) -> None:
    network = refined(stm)
    fill_network(network, 6)
    features, memory, logits = outputs(network)
    assert features.key.shape == (1, 128, 2, 3)
    assert features.value.shape == (1, 512, 2, 3)
    assert features.s16.shape == (1, 1024, 2, 3)
    assert (memory.key.shape, memory.value.shape) == ((2, 128, 2, 3), (2, 512, 2, 3))
    assert logits.shape == (2, 32, 48)
    assert logits.isfinite().all()


def test_context_reaches_four_positions_and_the_mean_of_the_picture() -> None:
    """Apart from the mean, which changes everywhere alike, a position tells those within its widest window."""
    context = ScaleContext(8, 4).requires_grad_(False)
    nn.init.normal_(context.fuse.weight)
    # Positive weights keep the ReLUs open.
    for layer in (context.reduce, *context.windows):
        nn.init.ones_(layer.weight)
    nn.init.zeros_(context.picture.weight)
    x = torch.rand(1, 8, 11, 11)
    touched = x.clone()
    touched[0, :, 5, 5] += 1.0
    changed = (context(touched) != context(x)).any(dim=1)[0].nonzero().tolist()
    expected = {(5 + a * step, 5 + b * step) for a in (-1, 0, 1) for b in (-1, 0, 1) for step in (1, 2, 4)}
    assert {tuple(position) for position in changed} <= expected
    assert [1, 1] in changed
    nn.init.ones_(context.picture.weight)
    assert (context(touched) != context(x)).any(dim=1).sum() > len(expected)


def tiny_clip() -> ClipBatch:
    generator = torch.Generator().manual_seed(1)
    frames, labels = torch.rand(1, 3, 3, 32, 32, generator=generator), torch.zeros(1, 3, 32, 32, dtype=torch.int64)
    for index in range(3):
        labels[0, index, 4:20, 2 + 4 * index : 16 + 4 * index] = 1
        labels[0, index, 22:30, 8:24] = 2
    return ClipBatch(frames, labels, labels)


def take_step(network: StmNetwork, batch: ClipBatch, rate: float) -> float:
    """The loss before a step of plain gradient descent."""
    recipe = Recipe("plain", "stm-refine50", "tests", num_steps=1, batch_size=1)
    network.zero_grad()
    loss = Trainee(SYSTEMS["stm-refine50"], network, recipe)(batch, 0.0, 0)["loss"]
    loss.backward()
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.grad is not None:
                parameter -= rate * parameter.grad
    return loss.item()


def test_a_step_lowers_the_loss_and_then_all_of_the_refinement_learns(stm: StmNetwork) -> None:
    network, batch = refined(stm).train(), tiny_clip()
    first = take_step(network, batch, rate=1e-6)
    own = {name: parameter for name, parameter in network.named_parameters() if ".refinement." in name}
    reached = {name for name, parameter in own.items() if parameter.grad is not None and parameter.grad.any()}
    assert {name.partition(".refinement.")[2].partition(".")[0] for name in reached} == {"fuse"}
    second = take_step(network, batch, rate=1e-6)
    assert second < first
    for parameter in own.values():
        assert parameter.grad is not None
        assert parameter.grad.any()


def operations(backbone: Backbone) -> int:
    """Multiplications of the query encoder on a picture of 480x864; the meta device counts without computing."""
    encoder = QueryEncoder(backbone).to("meta")
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        encoder(torch.zeros(1, 3, 480, 864, device="meta"))
    return counter.get_total_flops() // 2


def test_what_the_refinement_costs() -> None:
    plain, refinement = operations(resnet50_backbone()), operations(refine50_backbone())
    # A counter that saw nothing would pass: ResNet-50 to stride 16 has 27 G.
    assert 26e9 < plain < 28e9
    assert 0.05 < refinement / plain - 1 < 0.08


def test_its_size(stm: StmNetwork) -> None:
    """1.1 M parameters more in each encoder."""
    sizes = [sum(each.numel() for each in network.parameters()) for network in (StmRefine50Network(), stm)]
    assert sizes[0] - sizes[1] == 2 * 1_115_776
