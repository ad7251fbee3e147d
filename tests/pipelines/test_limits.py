"""Sizes as people write them, and the estimate of what fits into memory."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vostool.errors import MemoryExhausted, UsageError
from vostool.memory.options import DEFAULT_MEMORY
from vostool.pipelines.footprint import PeakCounter, system_footprint
from vostool.pipelines.limits import (
    GIB,
    MIB,
    MIN_SHORT_SIDE,
    Setting,
    Workload,
    choose_limits,
    estimate_memory,
    format_bytes,
    largest_setting,
    parse_bytes,
    picture_bytes,
    smaller_setting,
)

# (height, 16:9), size, objects, memory frames, and the peak of resident memory in MiB, of a loop over frames alone on a
# CPU with 1 thread, random weights, the memory filled: torch 2.13, Linux, x86-64.
MEASURED = {
    "lite": [
        (480, 240, 1, 4, 356), (480, 480, 1, 4, 484), (480, 480, 4, 4, 700), (480, 480, 8, 4, 911),
        (1080, 480, 2, 4, 563), (1080, 1080, 2, 4, 1291),
    ],
    "stcn": [(480, 240, 1, 4, 646), (480, 480, 2, 2, 1065)],
    "stm": [(480, 240, 1, 4, 584), (480, 480, 2, 2, 1099)],
}  # fmt: skip
LITE = Workload("lite", (1080, 1920), 2)
settings = st.builds(Setting, st.integers(16, 2160), st.none() | st.floats(1, 64))


@pytest.mark.parametrize(
    ("text", "size"),
    [("8G", 8 * GIB), ("8gb", 8 * GIB), (" 1.5 GiB ", 3 * GIB // 2), ("500M", 500 * MIB), (".5T", 512 * GIB)],
)
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_bytes(text) == size


@pytest.mark.parametrize("text", ["", "8", "G", "-1G", "0G", "8 apples", "1e3M", "8GG"])
def test_senseless_sizes_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--max-vram is"):
        parse_bytes(text, "--max-vram")


@given(st.integers(1, 4000))
def test_sizes_are_written_as_they_are_read(num_mib: int) -> None:
    size = num_mib * MIB
    assert abs(parse_bytes(format_bytes(size)) - size) <= GIB / 20


@given(settings)
def test_settings_shrink_to_an_end(setting: Setting) -> None:
    seen = [setting]
    while (smaller := smaller_setting(seen[-1])) is not None:
        before = seen[-1]
        shrinks_memory = before.memory_frames is not None and before.memory_frames > 1
        assert (smaller.short_side == before.short_side) == shrinks_memory
        assert shrinks_memory or (smaller.short_side % 16 == 0 and smaller.short_side < before.short_side)
        seen.append(smaller)
    assert seen[-1].memory_frames in (None, 1)
    assert seen[-1].short_side == min(setting.short_side, MIN_SHORT_SIDE)


def test_the_counter_follows_what_is_alive() -> None:
    with PeakCounter() as counter:
        one = torch.zeros(1000)
        view = one[10:].view(9, 110)
        two = view + 1
        del one, view
        three = two.mul_(2).relu()
        assert counter.live == 4 * (990 + 990)
        del two, three
    assert counter.live == 0
    assert counter.peak == 4 * (1000 + 990)


@pytest.mark.parametrize("system", MEASURED)
def test_estimates_are_near_what_was_measured(system: str) -> None:
    for height, size, num_objects, memory_frames, peak in MEASURED[system]:
        memory = replace(DEFAULT_MEMORY, memory_frames=memory_frames)
        workload = Workload(system, (height, round(height * 8 / 9) * 2), num_objects, memory)
        estimate = estimate_memory(workload, Setting(size, memory_frames)).ram - picture_bytes(workload)
        assert 0.85 * peak < estimate / MIB < 1.25 * peak


def test_estimates_grow_with_the_work() -> None:
    setting = Setting(480, 4.0)
    least = estimate_memory(LITE, setting).ram
    assert estimate_memory(LITE, Setting(720, 4.0)).ram > least
    assert estimate_memory(LITE, Setting(480, 8.0)).ram > least
    for more in (
        replace(LITE, num_objects=3), replace(LITE, source_size=(2160, 3840)), replace(LITE, flip=True),
        replace(LITE, scales=(1.0, 1.5)), replace(LITE, num_networks=2),
    ):  # fmt: skip
        assert estimate_memory(more, setting).ram > least


def test_memories_that_grow_are_reckoned_by_the_clip() -> None:
    growing = replace(LITE, memory=replace(DEFAULT_MEMORY, memory="every-k"), num_frames=100)
    setting = largest_setting(growing, 480)
    assert setting == Setting(480, None)
    assert estimate_memory(replace(growing, num_frames=1000), setting).ram > estimate_memory(growing, setting).ram
    assert "as the memory grows" in choose_limits(replace(growing, num_frames=None), 480).note


def test_what_fits_is_left_alone() -> None:
    limits = choose_limits(LITE, 480, max_ram=16 * GIB)
    assert limits.setting == Setting(480, 4.0)
    assert limits.note == f"size 480 and a memory of 4 frames, for about {format_bytes(limits.estimate.ram)} of memory"
    assert choose_limits(replace(LITE, source_size=(300, 500)), 480).setting.short_side == 300


def test_what_does_not_fit_is_made_smaller() -> None:
    bound = estimate_memory(LITE, Setting(480, 1.0)).ram
    assert choose_limits(LITE, 480, max_ram=bound).setting == Setting(480, 1.0)
    limits = choose_limits(LITE, 480, max_ram=bound - 1)
    assert limits.setting == Setting(352, 1.0)
    assert limits.estimate.ram < bound
    assert "size 352 and a memory of 1 frame in place of size 480 and a memory of 4 frames" in limits.note


def test_too_little_is_an_error() -> None:
    with pytest.raises(MemoryExhausted, match=r"--max-ram 100M is too little: even size 96 .* takes about") as caught:
        choose_limits(LITE, 480, max_ram=100 * MIB)
    assert caught.value.exit_code == 5


def test_a_gpu_is_reckoned_apart() -> None:
    on_gpu = replace(LITE, device=torch.device("cuda"), precision=torch.bfloat16)
    full = estimate_memory(replace(on_gpu, precision=torch.float32), Setting(480, 4.0))
    half = estimate_memory(on_gpu, Setting(480, 4.0))
    assert 0 < half.vram < full.vram
    assert half.ram == full.ram
    assert choose_limits(on_gpu, 480, max_vram=half.vram - 1).setting == Setting(480, 2.0)
    with pytest.raises(MemoryExhausted, match="--max-vram 1M"):
        choose_limits(on_gpu, 480, max_vram=MIB)
    # Without one, the bound means nothing.
    assert choose_limits(LITE, 480, max_vram=MIB).setting == Setting(480, 4.0)


def test_weights_are_counted_whole() -> None:
    footprint = system_footprint("lite")
    assert 9_000_000 < footprint.network < 25_000_000
    assert (footprint.shared_slot, footprint.object_slot) == (256, 576)
