"""The sound bed: a seeded chord pad, a soft arpeggio and a low pulse in a small hall, at broadcast loudness.

Loudness follows ITU-R BS.1770 without its gate, which a steady bed does not need.
"""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from reelmesh_provider_local.rendering import encoding, model

Samples = npt.NDArray[np.float32]
"""(n,) or (2, n) at 48 kHz."""

LOUDNESS_LUFS = -16.0
CEILING = 0.84
"""-1.5 dB of full scale."""
FADE_IN_SECONDS = 0.6
FADE_OUT_SECONDS = 1.4
_RATE = encoding.SAMPLE_RATE_HZ
_TABLE_BITS = 13
_TABLE_LENGTH = 2**_TABLE_BITS
# Chords in semitones above the key: open voicings that never hurry to resolve.
_PROGRESSIONS: tuple[tuple[tuple[int, ...], ...], ...] = (
    ((0, 7, 14, 16), (-4, 8, 12, 15), (-7, 5, 12, 17), (-2, 10, 14, 17)),
    ((0, 7, 15, 19), (-4, 8, 12, 19), (3, 10, 14, 19), (-2, 10, 14, 17)),
    ((0, 7, 11, 16), (-3, 9, 12, 16), (-7, 9, 12, 16), (-5, 7, 14, 19)),
    ((0, 7, 14, 17), (-5, 7, 10, 17), (-7, 8, 12, 15), (-2, 10, 14, 15)),
)


def bed(seed: list[int], duration_seconds: float, cancelled: Callable[[], bool]) -> Samples:
    """(2, n) samples within ±0.84: n is exactly the duration at 48 kHz; equal seeds sound equal.

    Raises:
        RenderCancelled: `cancelled`, asked once a bar, said yes.
    """
    rng = np.random.default_rng([*seed, 0x50])
    length = round(duration_seconds * _RATE)
    beat = 60.0 / float(rng.uniform(72, 92))
    root = 110.0 * 2 ** (int(rng.integers(-3, 5)) / 12)
    chords = _PROGRESSIONS[int(rng.integers(len(_PROGRESSIONS)))]
    bar = min(4 * beat, max(1.0, duration_seconds / 2))
    dry = np.zeros((2, length), dtype=np.float32)
    for index in range(math.ceil(duration_seconds / bar)):
        if cancelled():
            raise model.RenderCancelled
        notes = [root * 2 ** (step / 12) for step in chords[index % len(chords)]]
        _add_pad(dry, notes, index * bar, bar, rng)
        _add_arpeggio(dry, notes, index * bar, bar, beat / 2, rng)
        _add_pulse(dry, notes[0] / 2, index * bar, bar, beat)
    wet = dry + _hall(dry, rng)
    return _levelled(wet * _fades(length))


def _wave(partials: tuple[float, ...]) -> Samples:
    phase = np.arange(_TABLE_LENGTH, dtype=np.float64) * (math.tau / _TABLE_LENGTH)
    table = sum((level * np.sin(phase * (index + 1)) for index, level in enumerate(partials)), np.zeros(_TABLE_LENGTH))
    return np.asarray(table, dtype=np.float32)


_WARM = _wave((1.0, 0.42, 0.22, 0.12, 0.07, 0.04))
_GLASS = _wave((1.0, 0.0, 0.18, 0.0, 0.05))
_ROUND = _wave((1.0, 0.12))


def _tone(table: Samples, frequency_hz: float, length: int, phase: float) -> Samples:
    # The phase is a fraction of 2**32, so that it wraps around by itself; its top bits choose the entry.
    turn = np.arange(length, dtype=np.uint32) * np.uint32(round(frequency_hz / _RATE * 2**32))
    turn += np.uint32(int(phase * 2**32) % 2**32)
    return table[turn >> np.uint32(32 - _TABLE_BITS)]


def _mix(track: Samples, voice: Samples, start_seconds: float, left: float, right: float) -> None:
    begin = round(start_seconds * _RATE)
    room = track.shape[1] - begin
    if room <= 0:
        return
    heard = voice[:room]
    track[0, begin : begin + len(heard)] += heard * np.float32(left)
    track[1, begin : begin + len(heard)] += heard * np.float32(right)


def _add_pad(track: Samples, notes: list[float], start: float, bar: float, rng: np.random.Generator) -> None:
    """Each note twice, a few cents apart, one to each side; bars overlap, so that chords melt."""
    length = round((bar * 1.35) * _RATE)
    rise = np.clip(np.arange(length) / (bar * 0.35 * _RATE), 0, 1)
    envelope = (np.sin(rise * math.pi / 2) ** 2 * np.sin(rise[::-1] * math.pi / 2) ** 2).astype(np.float32)
    for index, note in enumerate(notes):
        level = 0.16 / (1 + 0.25 * index)
        for side in (-1.0, 1.0):
            detuned = note * 2 ** (side * float(rng.uniform(3, 7)) / 1200)
            voice = _tone(_WARM, detuned, length, float(rng.random())) * envelope
            _mix(track, voice, start, level * (0.5 - 0.38 * side), level * (0.5 + 0.38 * side))


def _add_arpeggio(
    track: Samples, notes: list[float], start: float, bar: float, step: float, rng: np.random.Generator
) -> None:
    length = round(0.9 * _RATE)
    decay = np.exp(-np.arange(length, dtype=np.float32) / (0.19 * _RATE)).astype(np.float32)
    decay[: _RATE // 250] *= np.linspace(0, 1, _RATE // 250, dtype=np.float32)
    order = rng.permutation(np.arange(1, len(notes)))
    for index in range(int(bar / step)):
        if rng.random() < 0.22:
            continue  # rests make it breathe
        note = notes[int(order[index % len(order)])] * 2
        pan = 0.5 + 0.35 * math.sin(index * 1.9)
        level = 0.11 * float(rng.uniform(0.7, 1.0))
        _mix(track, _tone(_GLASS, note, length, 0.0) * decay, start + index * step, level * (1 - pan), level * pan)


def _add_pulse(track: Samples, note: float, start: float, bar: float, beat: float) -> None:
    length = round(0.5 * _RATE)
    time = np.arange(length, dtype=np.float32) / _RATE
    body = np.exp(-time / 0.16) * np.minimum(1, time / 0.006)
    for index in range(max(1, int(bar / beat))):
        level = 0.2 if index % 2 == 0 else 0.1
        _mix(track, _tone(_ROUND, note, length, 0.0) * body, start + index * beat, level, level)


def _hall(dry: Samples, rng: np.random.Generator) -> Samples:
    """A short reverb: convolution with decaying noise, its own for each ear."""
    tail = round(1.6 * _RATE)
    time = np.arange(tail, dtype=np.float32) / _RATE
    size = 1 << (dry.shape[1] + tail - 1).bit_length()
    wet = np.empty_like(dry)
    for ear in range(2):
        noise = rng.standard_normal(tail, dtype=np.float32) * np.exp(-time / 0.34)
        response = np.convolve(noise, np.full(6, 1 / 6, dtype=np.float32), mode="same")
        response *= np.float32(0.4) / np.sqrt(np.sum(response**2))
        spectrum = np.fft.rfft(dry[ear], size) * np.fft.rfft(response, size)
        wet[ear] = np.fft.irfft(spectrum, size)[: dry.shape[1]]
    return wet


def _fades(length: int) -> Samples:
    time = np.arange(length, dtype=np.float32) / _RATE
    total = length / _RATE
    rise = np.clip(time / min(FADE_IN_SECONDS, total / 4), 0, 1)
    fall = np.clip((total - time) / min(FADE_OUT_SECONDS, total / 3), 0, 1)
    return (np.sin(rise * math.pi / 2) * np.sin(fall * math.pi / 2) ** 2).astype(np.float32)


def _levelled(track: Samples) -> Samples:
    """At the wanted loudness, with peaks bent under the ceiling instead of cut."""
    gain = 10 ** ((LOUDNESS_LUFS - loudness_lufs(track)) / 20)
    loud = track * np.float32(gain)
    knee = np.float32(CEILING * 0.7)
    over = np.maximum(np.abs(loud) - knee, 0)
    room = np.float32(CEILING) - knee
    bent = np.minimum(np.abs(loud), knee) + room * np.tanh(over / room)
    return np.copysign(bent, loud).astype(np.float32)


def loudness_lufs(track: Samples) -> float:
    """Ungated loudness of (2, n) samples: mean square of the K-weighted spectrum, by Parseval's theorem."""
    power = 0.0
    for ear in track:
        spectrum = np.abs(np.fft.rfft(ear)) ** 2 * _k_weighting(len(ear))
        power += float(2 * spectrum.sum() / len(ear) ** 2)
    return -0.691 + 10 * math.log10(max(power, 1e-12))


def _k_weighting(length: int) -> npt.NDArray[np.float64]:
    """|H|² of the two BS.1770 filters (48 kHz coefficients of its annex 1) at the bins of an n-point spectrum."""
    z = np.exp(-1j * math.tau * np.fft.rfftfreq(length))
    shelf = (1.53512485958697 - 2.69169618940638 * z + 1.19839281085285 * z**2) / (
        1 - 1.69065929318241 * z + 0.73248077421585 * z**2
    )
    high_pass = (1 - 2 * z + z**2) / (1 - 1.99004745483398 * z + 0.99007225036621 * z**2)
    return np.abs(shelf * high_pass) ** 2
