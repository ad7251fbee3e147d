"""The sound of the pond: running water, a plucked string at each beat of a tail, from where the fish is."""

from __future__ import annotations

import numpy as np

from .motion import Swimmer, camera, transform
from .noise import SUPERSAMPLING, WIDTH

RATE = 48000
# A scale of five notes, in semitones above the lowest, as a koto is tuned (hira-joshi).
SCALE = (0, 2, 3, 7, 8, 12, 14, 15, 19, 20)
MELODIES = ((0, 4, 2, 5, 3, 7, 4, 6, 5, 9, 7, 4), (5, 3, 7, 4, 6, 8, 5, 7, 4, 3, 6, 5, 8, 7))
LOWEST = (196.0, 392.0)


def compose(swimmers: tuple[Swimmer, ...], duration: float, seed: int = 5) -> np.ndarray:
    """2xN float32 in -1..1 at ``RATE``: left and right, for a clip of ``duration`` seconds."""
    random = np.random.default_rng(seed)
    num_samples = round(duration * RATE)
    sound = 0.16 * brook(random, num_samples)
    for swimmer, melody, lowest in zip(swimmers, MELODIES, LOWEST, strict=True):
        for number, time in enumerate(strokes(swimmer, duration)):
            pitch = lowest * 2 ** (SCALE[melody[number % len(melody)]] / 12)
            place(sound, 0.30 * pluck(random, pitch), time, across(swimmer, time))
    sound = echo(sound)
    fade = np.clip(np.minimum(np.arange(num_samples), np.arange(num_samples)[::-1]) / (0.08 * RATE), 0, 1)
    return (0.8 * sound / np.abs(sound).max() * fade).astype(np.float32)


def strokes(swimmer: Swimmer, duration: float) -> list[float]:
    """When its tail is farthest to one side or the other."""
    first = np.ceil(swimmer.phase / np.pi - 0.5)
    turns = (np.arange(first, first + 100) + 0.5) * np.pi
    times = (turns - swimmer.phase) / (2 * np.pi * swimmer.beats)
    return [float(time) for time in times if 0.05 <= time < duration - 0.15]


def across(swimmer: Swimmer, time: float) -> float:
    """Where the camera sees the fish: 0 left edge, 1 right edge."""
    middle = transform(camera(time, 1.0), swimmer.midline(time)).mean(0)
    return float(np.clip(middle[0] / (WIDTH * SUPERSAMPLING), 0, 1))


def shaped_noise(random: np.random.Generator, num_samples: int, low: float, high: float) -> np.ndarray:
    """Noise of spread 1 that falls off beyond two frequencies in Hz."""
    frequency = np.fft.rfftfreq(num_samples, 1 / RATE) + 1e-3
    shape = 1 / (1 + (low / frequency) ** 4) / (1 + (frequency / high) ** 2)
    noise = np.fft.irfft(np.fft.rfft(random.standard_normal(num_samples)) * shape, num_samples)
    return noise / noise.std()


def brook(random: np.random.Generator, num_samples: int) -> np.ndarray:
    """2xN of water that runs: a soft rush that swells, and bubbles that rise in pitch."""
    swell = 1 + 0.35 * shaped_noise(random, num_samples, 0.05, 1.0)
    rush = np.stack([shaped_noise(random, num_samples, 250, 900) for _ in range(2)]) * swell * 0.22
    for start in np.sort(random.uniform(0, num_samples / RATE - 0.2, 34)):
        time = np.arange(int(0.09 * RATE)) / RATE
        pitch = random.uniform(420, 1500)
        bubble = np.sin(2 * np.pi * pitch * (time + 3.2 * time**2)) * np.exp(-time / 0.016)
        place(rush, random.uniform(0.05, 0.35) * bubble, start, random.uniform())
    return rush


def pluck(random: np.random.Generator, pitch: float, duration: float = 1.6) -> np.ndarray:
    """A plucked string: partials that start together and die the sooner the higher they are."""
    time = np.arange(int(duration * RATE)) / RATE
    note = np.zeros_like(time)
    for partial in range(1, 10):
        frequency = pitch * partial * np.sqrt(1 + 0.0003 * partial**2)
        strength = abs(np.sin(np.pi * partial * 0.22)) / partial**1.25
        note += strength * np.sin(2 * np.pi * frequency * time) * np.exp(-time * (1.9 + 0.9 * partial))
    attack = np.minimum(time / 0.003, 1)
    finger = 0.25 * shaped_noise(random, len(time), 300, 2500) * np.exp(-time / 0.006)
    return attack * (note + 0.4 * finger)


def place(sound: np.ndarray, note: np.ndarray, time: float, side: float) -> None:
    """Add a note at a time in seconds, from 0 left to 1 right, with equal power."""
    start = round(time * RATE)
    note = note[: sound.shape[1] - start]
    sound[0, start : start + len(note)] += np.cos(side * np.pi / 2) * note
    sound[1, start : start + len(note)] += np.sin(side * np.pi / 2) * note


def echo(sound: np.ndarray) -> np.ndarray:
    """A little room around it: a few late, crossed copies."""
    wet = sound.copy()
    for delay, gain in ((0.031, 0.16), (0.047, 0.13), (0.089, 0.10), (0.137, 0.07), (0.211, 0.05)):
        shift = int(delay * RATE)
        wet[:, shift:] += gain * sound[::-1, :-shift]
    return wet
