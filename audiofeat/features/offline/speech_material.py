"""Sound with a truth for each half second, to fit and to judge the speech model: recordings, mixtures, made sound."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile
import soxr
from numpy.typing import NDArray

from audiofeat.features.frames import RATE_HZ, Floats
from audiofeat.features.offline import made_sound
from audiofeat.features.offline.atonal_sound import drum_kit
from audiofeat.features.offline.render_midi import FONTS
from audiofeat.features.offline.speech_corpus import (
    BOTH,
    MUSIC,
    N_FOLDS,
    NOISE,
    SPEECH,
    STEP,
    UNKNOWN,
    Sound,
    game_sounds,
    recordings,
    steps_of,
)

_MIXED_S = 20
_PROGRAMMES = 48
_MADE_EACH = {kind: 72 if kind == "drums" else 24 for kind in made_sound.KINDS}
_KITS, _KIT_S = 48, 10
_MADE_S = 12
# Level of speech over the bed in dB: what fits it, and what judges it.
_BEDS_DB = (0.0, 3.0, 6.0, 10.0, 15.0, 20.0)
_NOISES_DB = (0.0, 5.0, 10.0, 20.0)
_TUNES_DB = (5.0, 10.0, 20.0)
_MADE_LABELS = (SPEECH, MUSIC, NOISE)


def sounds(corpus: Path, *, seed: int) -> Iterator[Sound]:
    """Yield everything once, undamaged: recordings (see ``speech_corpus``), mixtures, and made sound.

    Drum kits are among it where FluidSynth and the first font of ``render_midi`` are installed.

    Parameters
    ----------
    corpus : Path
        As ``speech_corpus.recordings`` reads it.
    seed : int
        Of the mixtures and of the made sound.
    """
    rng = np.random.default_rng(seed)
    every = list(recordings(corpus, seed=seed))
    yield from every
    for fold in range(N_FOLDS):
        speech = [s for s in every if s.fold == fold and SPEECH in s.labels]
        music = [s for s in every if s.fold == fold and s.kind == "music"]
        noise = [s for s in every if s.fold == fold % 3 and s.kind == "noise"]
        for number, voice in enumerate(speech):
            bed = music[int(rng.integers(len(music)))]
            snr_db = _BEDS_DB[number % len(_BEDS_DB)]
            yield over(voice, bed, snr_db, f"bed {snr_db:.0f} dB", BOTH)
            if number % 2 == 0:
                din = noise[int(rng.integers(len(noise)))]
                snr_db = _NOISES_DB[number // 2 % len(_NOISES_DB)]
                yield over(voice, din, snr_db, f"din {snr_db:.0f} dB", SPEECH)
        for number, tune in enumerate(music):
            snr_db = _TUNES_DB[number % len(_TUNES_DB)]
            yield over(tune, noise[int(rng.integers(len(noise)))], snr_db, f"tune {snr_db:.0f} dB", MUSIC)
        for din in noise if fold < N_FOLDS - 1 else ():
            yield over(din, noise[int(rng.integers(len(noise)))], rng.uniform(0, 10), "dins", NOISE)
        for _ in range(_PROGRAMMES // N_FOLDS):
            yield _programme([group[int(rng.integers(len(group)))] for group in (speech, music, noise, music)], rng)
    for kind, (label, make) in made_sound.KINDS.items():
        for number in range(_MADE_EACH[kind]):
            yield _levelled(make(_MADE_S, rng), _MADE_LABELS[label], number % N_FOLDS, f"made {kind}", rng)
    font = FONTS["train"][0]
    for number in range(_KITS if font.exists() else 0):
        samples = drum_kit(_KIT_S, np.random.default_rng((seed, number)), font)
        yield _levelled(samples, MUSIC, number % N_FOLDS, "made kit", rng)
    yield from game_sounds(corpus, seed=seed)


def _levelled(samples: NDArray[np.floating], label: int, fold: int, kind: str, rng: np.random.Generator) -> Sound:
    """Return sound of one label at any level between -30 and -12 dBFS RMS."""
    gain = 10 ** (rng.uniform(-30, -12) / 20) / max(_rms(samples), 1e-9)
    return Sound((gain * samples).astype(np.float32), np.full(steps_of(samples), label), fold, kind)


def over(speech: Sound, bed: Sound, snr_db: float, kind: str, label: int) -> Sound:
    """Lay a sound over another, as ``label``; the ratio is that of their powers while both sound."""
    count = min(len(speech.samples), _MIXED_S * RATE_HZ) // STEP * STEP
    voice, under = speech.samples[:count], np.resize(bed.samples, count)
    gain = _rms(voice) / max(_rms(under), 1e-6) * 10 ** (-snr_db / 20)
    labels = speech.labels[: count // STEP]
    return Sound(voice + gain * under, np.where(labels == UNKNOWN, UNKNOWN, label), speech.fold, kind)


def _programme(parts: list[Sound], rng: np.random.Generator) -> Sound:
    """Join 10 s of each part and of speech over music, in any order, at nearly the same level."""
    speech, music, noise, bed = parts
    levelled = []
    for part in (speech, music, noise, over(speech, bed, rng.uniform(3, 20), "", BOTH)):
        steps = min(20, len(part.labels), steps_of(part.samples))
        samples = part.samples[: steps * STEP]
        gain = 0.1 * 10 ** (rng.uniform(-3, 3) / 20) / max(_rms(samples), 1e-6)
        levelled.append((samples * gain, part.labels[:steps]))
    order = rng.permutation(len(levelled))
    samples, labels = (np.concatenate([levelled[at][column] for at in order]) for column in (0, 1))
    return Sound(samples, labels, speech.fold, "programme")


def changed(sound: Sound, rng: np.random.Generator) -> Sound:
    """Return the sound as another chain would deliver it: speed, room, compression, equaliser, noise, bandwidth, codec.

    All classes go through the same chains, so that none of them tells a class.
    """
    samples, labels = sound.samples, sound.labels
    if rng.random() < 0.5:
        speed = rng.uniform(0.85, 1.18)  # another vocal tract, another instrument
        samples = soxr.resample(samples, RATE_HZ * speed, RATE_HZ)
        labels = labels[((np.arange(steps_of(samples)) + 0.5) * speed).astype(int).clip(max=len(labels) - 1)]
    if rng.random() < 0.4:
        samples = _in_room(samples, rng)
    if rng.random() < 0.5:
        samples = _compressed(samples, rng.uniform(0.3, 0.7))
    if rng.random() < 0.6:
        tilt = rng.uniform(-0.85, 0.85)
        samples = scipy.signal.lfilter([1.0, tilt], [1.0], samples)
    if rng.random() < 0.15:
        samples = scipy.signal.sosfilt(_filter(300, "highpass"), samples)
    if rng.random() < 0.6:
        noise = made_sound.coloured(len(samples), rng.uniform(0, 1), rng).astype(np.float32)
        samples = samples + noise * _rms(samples) / _rms(noise) * 10 ** (-rng.uniform(15, 40) / 20)
    cut_hz = (None, 3_400, 8_000, 10_500)[int(rng.integers(4))]
    if cut_hz:
        samples = scipy.signal.sosfilt(_filter(cut_hz, "lowpass"), samples)
    samples = samples / max(np.abs(samples).max(), 1e-6)
    samples *= 10 ** (rng.uniform(-30, 0) / 20)
    rate_hz = (8_000, 16_000, RATE_HZ, 44_100)[int(rng.integers(4))]
    samples = soxr.resample(samples.astype(np.float32), RATE_HZ, rate_hz)
    codec = (None, ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"))[int(rng.integers(3))]
    if codec:
        coded = io.BytesIO()
        with soundfile.SoundFile(coded, "w", rate_hz, 1, codec[1], format=codec[0]) as file:
            for start in range(0, len(samples), rate_hz):  # long single writes overflow libsndfile's Vorbis encoder
                file.write(samples[start : start + rate_hz])
        coded.seek(0)
        samples, rate_hz = soundfile.read(coded, dtype="float32")
    samples = soxr.resample(samples, rate_hz, RATE_HZ)
    return replace(sound, samples=samples.astype(np.float32), labels=labels)


def _in_room(samples: Floats, rng: np.random.Generator) -> Floats:
    time_s = np.arange(int(0.5 * RATE_HZ)) / RATE_HZ
    tail = rng.standard_normal(len(time_s)) * np.exp(-6.9 * time_s / rng.uniform(0.2, 0.8))
    tail *= rng.uniform(0.2, 1.0) / np.linalg.norm(tail)
    tail[0] = 1.0
    wet: Floats = scipy.signal.oaconvolve(samples, tail)[: len(samples)]
    return wet


def _compressed(samples: Floats, amount: float) -> Floats:
    """Take away a share of the level's movement in dB, down to 40 dB below the mean level."""
    window = np.hanning(round(0.1 * RATE_HZ))
    power = scipy.signal.oaconvolve(np.square(samples), window / window.sum(), mode="same")
    level = np.sqrt(np.maximum(power, 1e-4 * _rms(samples) ** 2 + 1e-12))
    pressed: Floats = samples * level**-amount
    return pressed


def _filter(hz: float, kind: str) -> NDArray[np.float64]:
    sections: NDArray[np.float64] = scipy.signal.butter(6, hz, kind, fs=RATE_HZ, output="sos")
    return sections


def _rms(samples: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
