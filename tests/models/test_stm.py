"""STM against the numbers of its published code, made with weights that follow from their names."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from golden_fill import fill_network
from golden_numbers import GoldenNumbers, load_golden
from torch import Tensor
from torch.nn import functional

from vostool.memory.attention import dense_read, dot_similarity
from vostool.models.network import MemoryFeatures, QueryFeatures, sum_of_others
from vostool.models.stm import StmNetwork

PADDING = (2, 3, 1, 2)  # 61x91 to 64x96
ROWS = torch.zeros(2, dtype=torch.int64)


@pytest.fixture(scope="module")
def golden() -> GoldenNumbers:
    return load_golden("stm")


@pytest.fixture(scope="module")
def network() -> StmNetwork:
    network = StmNetwork().eval().requires_grad_(False)
    fill_network(network, 5)
    return network


@pytest.fixture(scope="module")
def query(network: StmNetwork, golden: GoldenNumbers) -> QueryFeatures:
    return network.encode_query(padded_image(golden, 1))


@pytest.fixture(scope="module")
def memory(network: StmNetwork, golden: GoldenNumbers, query: QueryFeatures) -> MemoryFeatures:
    return remember(network, golden, query, 0)


def padded_image(golden: GoldenNumbers, index: int) -> Tensor:
    frame = torch.from_numpy(golden["frames"][index]).permute(2, 0, 1)[None] / 255.0
    return functional.pad(frame, PADDING)


def padded_masks(golden: GoldenNumbers, index: int) -> Tensor:
    """(2, 64, 96): what the network saw of a frame's objects when it remembered the frame."""
    return functional.pad(torch.from_numpy(golden["probs"][index, 1:]), PADDING)


def remember(network: StmNetwork, golden: GoldenNumbers, query: QueryFeatures, index: int) -> MemoryFeatures:
    masks = padded_masks(golden, index)
    return network.encode_memory(padded_image(golden, index), query, masks, sum_of_others(masks, ROWS), ROWS)


def read(memories: list[MemoryFeatures], query: QueryFeatures) -> tuple[Tensor, Tensor]:
    """What the query reads (2, V, h, w), and with which weights (2, slots, positions)."""
    keys, values = (
        torch.cat([getattr(memory, part).flatten(2) for memory in memories], dim=2).transpose(1, 2)
        for part in ("key", "value")
    )
    affinity = dot_similarity(keys, query.key.flatten(2).transpose(1, 2))
    readout = dense_read(affinity, values).transpose(1, 2).unflatten(2, query.key.shape[2:])
    return readout, affinity.softmax(dim=2).transpose(1, 2)


def assert_golden(actual: Tensor, expected: np.ndarray, relative: float = 1e-5) -> None:
    allowed = 1e-4 + relative * float(np.abs(expected).max())
    torch.testing.assert_close(actual, torch.from_numpy(expected), atol=allowed, rtol=0.0)


def test_names_and_shapes_are_those_of_the_published_weights(network: StmNetwork, shared_folder: Path) -> None:
    path = shared_folder / "golden" / "keys_stm.json"
    if not path.is_file():
        pytest.skip("the shared folder has no golden/keys_stm.json")
    published = json.loads(path.read_text(encoding="utf-8"))["keys"]
    expected = {name.removeprefix("module."): tuple(entry["shape"]) for name, entry in published.items()}
    assert {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()} == expected


def test_the_published_size(network: StmNetwork) -> None:
    """38.93 M parameters in 558 tensors (seoungwugoh/STM, STM_weights.pth)."""
    assert sum(parameter.numel() for parameter in network.parameters()) == 38_925_570
    assert len(network.state_dict()) == 558


def test_memory_of_the_first_frame(network: StmNetwork, golden: GoldenNumbers, memory: MemoryFeatures) -> None:
    masks = padded_masks(golden, 0)
    features = network.Encoder_M(padded_image(golden, 0), masks, sum_of_others(masks, ROWS), ROWS)
    assert_golden(features.s16, golden["t1_m_r4"])
    assert_golden(memory.key, golden["t1_m_key"])
    assert_golden(memory.value, golden["t1_m_value"])


def test_query_of_the_second_frame(golden: GoldenNumbers, query: QueryFeatures) -> None:
    assert_golden(query.s16, golden["t1_q_r4"])
    assert_golden(query.key, golden["t1_q_key"])
    assert_golden(query.value, golden["t1_q_value"])


def test_read_of_the_first_frame(
    network: StmNetwork, golden: GoldenNumbers, query: QueryFeatures, memory: MemoryFeatures
) -> None:
    readout, weights = read([memory], query)
    assert_golden(weights, golden["t1_mem_p"])
    assert_golden(network.decoder_input(readout, query, None, ROWS), golden["t1_mem_out"])


def test_decoder_on_what_the_published_code_read(
    network: StmNetwork, golden: GoldenNumbers, query: QueryFeatures
) -> None:
    readout = torch.from_numpy(golden["t1_mem_out"])[:, :512]
    channels = network.decode_channels(readout, query, None, ROWS)
    assert_golden(channels, golden["t1_dec_logits"], relative=0.0)
    probabilities = network.decode(readout, query, None, ROWS).sigmoid()
    assert_golden(probabilities, functional.softmax(torch.from_numpy(golden["t1_dec_logits"]), dim=1)[:, 1].numpy())


def test_last_frame_reads_two_kept_frames_and_the_previous_one(network: StmNetwork, golden: GoldenNumbers) -> None:
    query = network.encode_query(padded_image(golden, 7))
    memories = [remember(network, golden, query, index) for index in (0, 5, 6)]
    for part in ("key", "value"):
        assert_golden(getattr(query, part), golden[f"t7_q_{part}"])
        assert_golden(getattr(memories[-1], part), golden[f"t7_m_{part}"])
    readout, weights = read(memories, query)
    assert_golden(weights, golden["t7_mem_p"])
    assert_golden(network.decoder_input(readout, query, None, ROWS), golden["t7_mem_out"])
    assert_golden(network.decode_channels(readout, query, None, ROWS), golden["t7_dec_logits"], relative=0.0)


def test_images_and_objects_of_a_batch_do_not_see_each_other(network: StmNetwork) -> None:
    generator = torch.Generator().manual_seed(0)
    images, rows = torch.rand(2, 3, 32, 48, generator=generator), torch.tensor([1, 0, 1])
    masks, others = torch.rand(2, 3, 32, 48, generator=generator)
    features = network.encode_query(images)
    memory = network.encode_memory(images, features, masks, others, rows)
    logits = network.decode(memory.value, features, None, rows)
    assert logits.shape == (3, 32, 48)
    for index, row in enumerate(rows):
        image, first = images[row : row + 1], torch.zeros(1, dtype=torch.int64)
        alone = network.encode_query(image)
        planes = masks[index : index + 1], others[index : index + 1]
        of_one = network.encode_memory(image, alone, *planes, first)
        torch.testing.assert_close(memory.key[index : index + 1], of_one.key, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            logits[index : index + 1], network.decode(of_one.value, alone, None, first), rtol=1e-3, atol=1e-3
        )


def test_other_objects_are_clamped_to_one(network: StmNetwork) -> None:
    image, masks, row = torch.rand(1, 3, 32, 32), torch.rand(1, 32, 32), torch.zeros(1, dtype=torch.int64)
    features = network.encode_query(image)
    twice, once = (
        network.encode_memory(image, features, masks, torch.full_like(masks, value), row) for value in (2.0, 1.0)
    )
    torch.testing.assert_close(twice.value, once.value, rtol=0, atol=0)


def test_batch_norm_keeps_its_statistics_in_training(network: StmNetwork) -> None:
    before = {name: tensor.clone() for name, tensor in network.named_buffers()}
    network.train()
    network.encode_query(torch.rand(2, 3, 32, 32))
    network.eval()
    for name, tensor in network.named_buffers():
        torch.testing.assert_close(tensor, before[name], rtol=0, atol=0)
