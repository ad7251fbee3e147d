"""The lite network: shapes, its start as label propagation, and independence of objects and images in a batch."""

from __future__ import annotations

import torch
from tiny_network import tiny_network

from vostool.models.lite import NUM_CELLS, LiteConfig, LiteNetwork, mask_cells
from vostool.models.network import sum_of_others


def _encode(network: LiteNetwork, image: torch.Tensor, masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Memory values and logits of objects that all lie in the only image of the batch."""
    rows = torch.zeros(len(masks), dtype=torch.int64)
    features = network.encode_query(image)
    value = network.encode_memory(image, features, masks, sum_of_others(masks, rows), rows).value
    return value, network.decode(value, features, masks, rows)


def test_shapes_follow_the_contract() -> None:
    network = tiny_network()
    image, masks = torch.rand(1, 3, 48, 80), torch.rand(3, 48, 80)
    features = network.encode_query(image)
    assert features.key.shape == (1, 16, 3, 5)
    assert (features.s16.shape[2:], features.s8.shape[2:], features.s4.shape[2:]) == ((3, 5), (6, 10), (12, 20))
    value, logits = _encode(network, image, masks)
    assert value.shape == (3, network.config.value_channels, 3, 5)
    assert logits.shape == (3, 48, 80)


def test_default_network_is_within_its_budget() -> None:
    """At most 15 M parameters; half precision keeps the file under 30 MB."""
    num_parameters = sum(parameter.numel() for parameter in LiteNetwork().parameters())
    assert num_parameters <= 15e6
    assert 2 * num_parameters <= 30e6


def test_mask_cells_are_area_means() -> None:
    masks = torch.rand(2, 32, 48)
    cells = mask_cells(masks)
    assert cells.shape == (2, NUM_CELLS, 2, 3)
    for row in range(4):
        for column in range(4):
            y, x = 16 + 4 * row, 32 + 4 * column
            expected = masks[1, y : y + 4, x : x + 4].mean()
            torch.testing.assert_close(cells[1, 4 * row + column, 1, 2], expected)


def test_untrained_network_propagates_labels() -> None:
    """A mask read back from where it was written comes out as itself: the last layer starts as an identity."""
    torch.manual_seed(0)
    network = LiteNetwork(LiteConfig(decoder_channels=(16, 8, 8))).eval()
    masks = torch.zeros(1, 64, 64)
    masks[0, 16:48, 16:48] = 1.0
    with torch.inference_mode():
        _, logits = _encode(network, torch.rand(1, 3, 64, 64), masks)
    inside, outside = logits[0, 20:44, 20:44], logits[0, :12]
    assert inside.min() > outside.max()


def test_objects_do_not_see_each_other_in_the_decoder() -> None:
    network = tiny_network()
    image, masks = torch.rand(1, 3, 32, 32), torch.rand(2, 32, 32)
    rows = torch.zeros(2, dtype=torch.int64)
    features = network.encode_query(image)
    readout = torch.rand(2, network.config.value_channels, 2, 2)
    both = network.decode(readout, features, masks, rows)
    alone = network.decode(readout[1:], features, masks[1:], rows[1:])
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-5)


def test_images_of_a_batch_do_not_see_each_other() -> None:
    network = tiny_network()
    images, masks = torch.rand(2, 3, 32, 48), torch.rand(2, 32, 48)
    rows = torch.arange(2)
    features = network.encode_query(images)
    value = network.encode_memory(images, features, masks, torch.zeros_like(masks), rows).value
    for index in range(2):
        alone, _ = _encode(network, images[index : index + 1], masks[index : index + 1])
        torch.testing.assert_close(value[index : index + 1], alone, rtol=1e-4, atol=1e-5)


def test_unknown_previous_mask_differs_from_an_empty_one() -> None:
    network = tiny_network()
    image, rows = torch.rand(1, 3, 32, 32), torch.zeros(1, dtype=torch.int64)
    features = network.encode_query(image)
    readout = torch.rand(1, network.config.value_channels, 2, 2)
    unknown = network.decode(readout, features, None, rows)
    half = network.decode(readout, features, torch.full((1, 32, 32), 0.5), rows)
    empty = network.decode(readout, features, torch.zeros(1, 32, 32), rows)
    torch.testing.assert_close(unknown, half)
    assert not torch.allclose(unknown, empty)


def test_sum_of_others_stays_within_each_image() -> None:
    masks = torch.rand(4, 8, 8)
    rows = torch.tensor([0, 1, 0, 0])
    others = sum_of_others(masks, rows)
    torch.testing.assert_close(others[0], masks[2] + masks[3])
    torch.testing.assert_close(others[1], torch.zeros(8, 8), rtol=0, atol=1e-6)


def test_a_frame_costs_at_most_30_gmac() -> None:
    """480x854, padded to 480x864, one object, memory written every fifth frame; without the memory read."""
    from torch.utils.flop_counter import FlopCounterMode

    network = LiteNetwork().eval()
    image, masks, rows = torch.zeros(1, 3, 480, 864), torch.zeros(1, 480, 864), torch.zeros(1, dtype=torch.int64)
    operations = []
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            features = network.encode_query(image)
        operations.append(counter.get_total_flops())
        with FlopCounterMode(display=False) as counter:
            value = network.encode_memory(image, features, masks, torch.zeros_like(masks), rows).value
        operations.append(counter.get_total_flops())
        with FlopCounterMode(display=False) as counter:
            network.decode(value, features, masks, rows)
        operations.append(counter.get_total_flops())
    encode, remember, decode = (count / 2e9 for count in operations)
    assert encode + decode + remember / 5 <= 30
    # A counter that saw nothing would pass: the encoder alone is ResNet-18 to stride 16.
    assert 11 < encode < 13
