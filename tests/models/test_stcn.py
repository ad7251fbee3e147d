"""STCN: the published names and numbers, and that objects do not see each other but through the masks of the others."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from golden_fill import fill_network
from golden_numbers import SHARED, GoldenNumbers, load_golden
from torch import Tensor
from torch.nn import functional

from vostool.memory.bank import GrowingBank
from vostool.memory.entries import MemoryEntry
from vostool.memory.readers import AttentionReader
from vostool.models.blocks.cbam import Cbam
from vostool.models.blocks.resnet import IMAGENET_MEAN
from vostool.models.network import MemoryFeatures, QueryFeatures, sum_of_others
from vostool.models.stcn import MEMORY_STEM, StcnNetwork, adapt_single_object
from vostool.propagation.aggregate import aggregate

KEYS = SHARED / "golden" / "keys_stcn.json"
# Published (shared folder, keys_stcn.json).
NUM_PARAMETERS = 54_434_180
SEED = 3


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def network() -> StcnNetwork:
    network = StcnNetwork().eval().requires_grad_(False)
    fill_network(network, SEED)
    return network


@pytest.fixture(scope="module")
def golden() -> GoldenNumbers:
    return load_golden("stcn")


@pytest.fixture(scope="module")
def measured(network: StcnNetwork, golden: GoldenNumbers) -> dict[str, Tensor]:
    """Frame 0 written, frame 1 read and decoded; names are those of the golden numbers."""
    meta = golden["meta"]
    rows = torch.zeros(2, dtype=torch.int64)
    frames = [_pad_with_mean(frame, meta["pad"]) for frame in golden["frames"][:2]]
    masks = functional.pad(_one_hot(golden["first_mask"]), meta["pad"])
    _, written = _write(network, frames[0], aggregate(masks)[1:], rows)
    features = network.encode_query(frames[1])
    readout = _read(written, features.key, meta["top_k"])
    logits = network.decode(readout, features, None, rows)
    return {
        "f16_t1": features.s16,
        "m_key_t0": written.key,
        "m_value_t0": written.value,
        "q_key_t1": features.key,
        "f16_thin_t1": features.value,
        "readout_t1": readout,
        "dec_logits_t1": logits[:, None],
    }


def _pad_with_mean(frame: np.ndarray, padding: list[int]) -> Tensor:
    """(1, 3, H, W) in 0..1, padded with the colour that is zero after normalisation."""
    image = torch.from_numpy(frame).permute(2, 0, 1) / 255
    planes = zip(image, IMAGENET_MEAN, strict=True)
    return torch.stack([functional.pad(plane, padding, value=mean) for plane, mean in planes])[None]


def _one_hot(labels: np.ndarray) -> Tensor:
    """(K, H, W) float32 of labels 1 to K."""
    objects = torch.arange(1, int(labels.max()) + 1)
    return (torch.from_numpy(labels) == objects[:, None, None]).float()


def _write(
    network: StcnNetwork, image: Tensor, masks: Tensor, rows: Tensor, others: Tensor | None = None
) -> tuple[QueryFeatures, MemoryFeatures]:
    features = network.encode_query(image)
    others = sum_of_others(masks, rows) if others is None else others
    return features, network.encode_memory(image, features, masks, others, rows)


def _read(written: MemoryFeatures, query_key: Tensor, top_k: int) -> Tensor:
    bank = GrowingBank()
    bank.write(MemoryEntry(written.key.flatten(2), written.value.flatten(2)), 0)
    read = AttentionReader("l2", top_k).read(bank, query_key.flatten(2))
    return read.value.unflatten(2, query_key.shape[2:])


@pytest.mark.skipif(not KEYS.is_file(), reason="there is no shared folder with the names of the published weights")
def test_names_and_shapes_are_the_published_ones(network: StcnNetwork) -> None:
    published = {name: tuple(entry["shape"]) for name, entry in json.loads(KEYS.read_text())["keys"].items()}
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == published


def test_number_of_parameters(network: StcnNetwork) -> None:
    assert sum(parameter.numel() for parameter in network.parameters()) == NUM_PARAMETERS


@pytest.mark.parametrize(
    "name", ["f16_t1", "m_key_t0", "m_value_t0", "q_key_t1", "f16_thin_t1", "readout_t1", "dec_logits_t1"]
)
def test_published_numbers(name: str, measured: dict[str, Tensor], golden: GoldenNumbers) -> None:
    expected = torch.from_numpy(golden[name])
    relative = 0.0 if name == "dec_logits_t1" else 1e-5
    tolerance = 1e-4 + relative * expected.abs().max().item()
    torch.testing.assert_close(measured[name], expected, rtol=0, atol=tolerance)


def test_shapes_follow_the_contract(network: StcnNetwork) -> None:
    rows = torch.tensor([0, 1, 1])
    features, written = _write(network, torch.rand(2, 3, 32, 48), torch.rand(3, 32, 48), rows)
    assert features.key.shape == (2, 64, 2, 3)
    assert features.value.shape == (2, 512, 2, 3)
    assert (features.s16.shape[2:], features.s8.shape[2:], features.s4.shape[2:]) == ((2, 3), (4, 6), (8, 12))
    assert written.key is features.key
    assert written.value.shape == (3, 512, 2, 3)
    assert network.decode(written.value, features, None, rows).shape == (3, 32, 48)


def _pass(network: StcnNetwork, image: Tensor, masks: Tensor, others: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Values, and logits of these very values."""
    features, written = _write(network, image, masks, rows, others)
    return written.value, network.decode(written.value, features, None, rows)


def _assert_near(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item())


def test_objects_in_a_batch_equal_each_object_alone(network: StcnNetwork) -> None:
    images, masks, others = torch.rand(2, 3, 32, 48), torch.rand(3, 32, 48), torch.rand(3, 32, 48)
    rows = torch.tensor([1, 0, 1])
    together = _pass(network, images, masks, others, rows)
    for index, row in enumerate(rows):
        only = torch.zeros(1, dtype=torch.int64)
        alone = _pass(network, images[row][None], masks[index][None], others[index][None], only)
        for found, expected in zip(together, alone, strict=True):
            _assert_near(found[index], expected[0])


def test_permuted_objects_give_permuted_results(network: StcnNetwork) -> None:
    images, masks = torch.rand(2, 3, 32, 32), torch.rand(3, 32, 32)
    rows, order = torch.tensor([0, 0, 1]), torch.tensor([2, 0, 1])
    straight = _pass(network, images, masks, sum_of_others(masks, rows), rows)
    permuted = _pass(network, images, masks[order], sum_of_others(masks[order], rows[order]), rows[order])
    for found, expected in zip(permuted, straight, strict=True):
        _assert_near(found, expected[order])


def test_others_are_not_clamped(network: StcnNetwork) -> None:
    image, masks, rows = torch.rand(1, 3, 32, 32), torch.rand(1, 32, 32), torch.zeros(1, dtype=torch.int64)
    values = [_write(network, image, masks, rows, torch.full((1, 32, 32), total))[1].value for total in (1.0, 2.0)]
    assert (values[0] - values[1]).abs().max() > 1e-3


def test_gradients_reach_all_parameters() -> None:
    """Through memory, read and decoder, with batch norm as it is in training: fixed statistics."""
    network = StcnNetwork().eval()
    rows = torch.zeros(2, dtype=torch.int64)
    _, written = _write(network, torch.rand(1, 3, 64, 64), torch.rand(2, 64, 64), rows)
    features = network.encode_query(torch.rand(1, 3, 64, 64))
    network.decode(_read(written, features.key, 4), features, None, rows).sum().backward()
    gradients = {name: parameter.grad for name, parameter in network.named_parameters()}
    assert not [name for name, gradient in gradients.items() if gradient is None or not gradient.any()]


def _perceptron(gate: torch.nn.Module) -> Callable[[Tensor], Tensor]:
    _, first, _, second = gate.mlp
    return lambda x: second.weight @ (first.weight @ x + first.bias).clamp(min=0) + second.bias


def test_cbam_position_by_position() -> None:
    cbam, x = Cbam(32), torch.randn(1, 32, 3, 4)
    by_channel = x[0].reshape(32, 12)
    perceptron = _perceptron(cbam.ChannelGate)
    weights = perceptron(by_channel.sum(dim=1) / 12) + perceptron(by_channel.max(dim=1).values)
    weighed = (by_channel / (1 + (-weights[:, None]).exp())).reshape(32, 3, 4)
    summary = functional.pad(torch.stack([weighed.max(dim=0).values, weighed.sum(dim=0) / 32]), (3, 3, 3, 3))
    conv = cbam.SpatialGate.spatial.conv
    for row in range(3):
        for column in range(4):
            claim = (conv.weight[0] * summary[:, row : row + 7, column : column + 7]).sum() + conv.bias[0]
            expected = weighed[:, row, column] * torch.sigmoid(claim)
            torch.testing.assert_close(cbam(x)[0, :, row, column], expected)


def test_weights_of_the_single_object_stage_gain_an_empty_plane() -> None:
    stem, bias = torch.rand(64, 4, 7, 7), torch.rand(64)
    state = {MEMORY_STEM: stem, "value_encoder.conv1.bias": bias}
    adapted = adapt_single_object(state)
    assert state[MEMORY_STEM] is stem
    assert adapted["value_encoder.conv1.bias"] is bias
    assert torch.equal(adapted[MEMORY_STEM][:, :4], stem)
    assert torch.equal(adapted[MEMORY_STEM][:, 4:], torch.zeros(64, 1, 7, 7))
    planes = torch.rand(1, 5, 16, 16)
    expected = functional.conv2d(planes[:, :4], stem, stride=2, padding=3)
    torch.testing.assert_close(functional.conv2d(planes, adapted[MEMORY_STEM], stride=2, padding=3), expected)


def test_weights_of_later_stages_stay_as_they_are() -> None:
    state = {MEMORY_STEM: torch.rand(64, 5, 7, 7)}
    assert adapt_single_object(state)[MEMORY_STEM] is state[MEMORY_STEM]
