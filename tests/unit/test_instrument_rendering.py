"""The material that the head for instruments is fitted on: stems, mixtures with their truth, and the fit."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from audiofeat.domain.families import FAMILIES
from audiofeat.evaluation.labels import read_labels
from audiofeat.features import instrument_spectrogram
from audiofeat.features.frames import N_MEL
from audiofeat.features.instrument_head import head
from audiofeat.features.instrument_spectrogram import STRETCH, Sights, network, scaled, seen
from audiofeat.features.instrument_windows import FEATURES, SUMS
from audiofeat.features.offline import (
    export_instruments,
    instrument_mixes,
    instrument_pool,
    instrument_stems,
    preset_instruments,
    train_instruments,
    train_spectrogram,
)
from audiofeat.features.offline.instrument_players import FONTS, MADE, RATE_HZ, presets
from audiofeat.features.offline.instrument_programs import DRUM_BANK
from audiofeat.features.offline.instrument_songs import Songs
from audiofeat.features.offline.instrument_stems import STEM, Stem, planned, rendered
from audiofeat.features.offline.made_instruments import play
from audiofeat.features.offline.sung_voice import sing

_MOVE = 1e-3


def needing_players() -> list[Any]:
    """The smallest fonts of either player; skipped where they are missing, but not in CI."""
    return [
        pytest.param(font, marks=pytest.mark.skipif(
            not (font.exists() and shutil.which(player)) and os.environ.get("CI") != "true",
            reason=f"rendering needs: apt-get install --no-install-recommends {player} {package}",
        ))
        for font, player, package in (
            (FONTS[2], "fluidsynth", "csound-soundfont"), (FONTS[3], "timidity", "freepats"),
        )
    ]  # fmt: skip


@pytest.fixture
def stems(tmp_path: Path) -> Path:
    """A folder of made stems: hisses as drums, low tones as bass, higher ones as keys, kept back and not."""
    rng = np.random.default_rng(1)
    clock_s = np.arange(STEM) / RATE_HZ
    beat = np.exp(-(clock_s % 0.5) / 0.05)
    sounds = {
        "drums": beat * rng.standard_normal(STEM),
        "bass": np.sin(2 * np.pi * 80 * clock_s) + 0.5 * np.sin(2 * np.pi * 160 * clock_s),
        "keys": beat * sum(np.sin(2 * np.pi * 440 * n * clock_s) / n for n in range(1, 6)),
    }
    for file, held_back in ((0, True), (1, False)):
        rows = [Stem(n, family, "font", 0, 0, "made", "song", held_back) for n, family in enumerate(sounds)]
        samples = np.stack([sound / np.abs(sound).max() for sound in sounds.values()]).astype(np.float32)
        instrument_stems.write(tmp_path / f"stems-{file:04}.npz", samples, rows)
    return tmp_path


def test_songs_are_kept_back_together() -> None:
    """Of a file's stems all are kept back or none, all of one font; the same seed plans the same stems."""
    for file, held_back in ((0, True), (1, False)):
        plans = planned(file, Songs(None, None), MADE, 7)
        assert {(one.stem.held_back, one.stem.font) for one in plans} == {(held_back, "made")}
        assert plans == planned(file, Songs(None, None), MADE, 7)


def test_a_part_is_played_by_a_program_that_the_font_has() -> None:
    """No drums and no voices are planned where a font has none; the other families have several programs."""
    plans = [one.stem for file in (1, 2) for one in planned(file, Songs(None, None), MADE, 7)]
    assert {(stem.bank, stem.program) for stem in plans} <= presets(MADE)
    assert {stem.family for stem in plans} == set(FAMILIES) - {"drums", "voice"}


def test_the_programs_of_a_list_of_patches_are_read(tmp_path: Path) -> None:
    """Kits and banks, each followed by its programs, as TiMidity++ writes them."""
    font = tmp_path / "patches.cfg"
    font.write_text("dir /x\n# names\ndrumset 0\n\n 35\tkick.pat amp=100\nbank 0\n\n 0\tpiano.pat \n 40\tviolin.pat\n")
    assert presets(font) == {(DRUM_BANK, 0), (0, 0), (0, 40)}


def test_programs_that_play_samples_of_the_font_that_is_judged_on_are_left_out(tmp_path: Path) -> None:
    """A320U's strings are those of freepats, its violin is not; the same presets of another font are all there."""
    rows = b"".join(name.ljust(20, b"\0") + number.to_bytes(2, "little") + bytes(16)
                    for name, number in ((b"Violin", 40), (b"Strings", 48), (b"EOP", 0)))  # fmt: skip
    for name, found in (("A320U.sf2", {(0, 40)}), ("other.sf2", {(0, 40), (0, 48)})):
        (tmp_path / name).write_bytes(b"phdr" + len(rows).to_bytes(4, "little") + rows)
        assert presets(tmp_path / name) == found


@pytest.mark.parametrize("font", [*needing_players(), MADE], ids=lambda font: getattr(font, "stem", None))
def test_a_part_is_rendered_by_the_program_that_the_stem_names(font: Path) -> None:
    """A few stems sound, each in its own eight seconds; a bass is lower than the others."""
    plans = [one for file in (1, 2) for one in planned(file, Songs(None, None), font, 7)]
    few = [next(one for one in plans if one.stem.family == family) for family in ("bass", "keys", "reeds_pipes")]
    samples = rendered(few, font)
    assert samples.shape == (3, STEM)
    np.testing.assert_allclose(np.abs(samples).max(axis=1), 1.0)
    power = np.square(np.abs(np.fft.rfft(samples)))
    centroid_hz = power @ np.fft.rfftfreq(STEM, 1 / RATE_HZ) / power.sum(axis=1)
    assert centroid_hz.argmin() == 0


def test_presets_are_sorted_into_families_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bank's name counts as well; effects and sounds of two instruments belong to none."""
    for name in ("Brass/0001-Analog 1", "Misc/0002-FM Sitar", "Organ/0003-Church 1", "Reed and Wind/0004-Breathy",
                 "Misc/0005-Wind Choir", "Drums/0006-Kit", "Splitted/0007-Strings and Flute"):  # fmt: skip
        path = tmp_path / f"{name}.xiz"
        path.parent.mkdir(exist_ok=True)
        path.touch()
    monkeypatch.setattr(preset_instruments, "BANKS", tmp_path)
    preset_instruments.presets.cache_clear()
    found = {family: [path.stem[:4] for path in paths] for family, paths in preset_instruments.presets().items()}
    preset_instruments.presets.cache_clear()
    assert {family: names for family, names in found.items() if names} == {
        "brass": ["0001"], "guitar": ["0002"], "keys": ["0003"], "reeds_pipes": ["0004"]
    }  # fmt: skip
    assert set(found) == set(FAMILIES) - {"drums"}


@pytest.mark.skipif(
    not (shutil.which(preset_instruments.PLAYER) and preset_instruments.BANKS.exists()),
    reason="rendering needs: apt-get install --no-install-recommends lmms zynaddsubfx-data",
)
def test_a_preset_plays_the_notes_that_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """An organ sounds from its note's start, at its pitch, and is silent after it."""
    organ = preset_instruments.BANKS / "Organ" / "0001-Organ 1.xiz"
    monkeypatch.setattr(preset_instruments, "presets", lambda: {"keys": (organ,)})
    sound = preset_instruments.play(16, [(0.5, 1.0, 57, 90)], 3.0, np.random.default_rng(1))
    assert np.abs(sound[: RATE_HZ // 2]).max() == 0
    spectrum = np.abs(np.fft.rfft(sound[round(0.6 * RATE_HZ) : round(1.6 * RATE_HZ)]))
    octaves = np.log2(float(spectrum.argmax()) / 220)
    assert abs(octaves - round(octaves)) < 1 / 24
    assert np.abs(sound[round(2.5 * RATE_HZ) :]).max() < 0.01 * np.abs(sound).max()


@pytest.mark.parametrize("program", [6, 11, 14, 19, 24, 38, 40, 48, 56, 65, 71, 73, 81])
def test_an_instrument_made_of_equations_plays_a_note(program: int) -> None:
    """It sounds from the note's start, and dies away when the key is let go."""
    sound = play(program, [(0.5, 1.0, 57, 90)], 4.0, np.random.default_rng(program))
    assert np.isfinite(sound).all()
    loudest = np.abs(sound).max()
    assert np.abs(sound[: RATE_HZ // 2]).max() == 0
    assert loudest > 0
    assert np.abs(sound[-RATE_HZ // 4 :]).max() < 0.1 * loudest


def test_a_mixture_knows_what_is_in_it(stems: Path) -> None:
    """The shares of the families are of what sounds, the same number gives the same clip, and all are finite."""
    pool = instrument_pool.Pool(stems)
    for number in range(300, 306):
        sound, levels, held_back = instrument_mixes.clip(pool, number, 1)
        assert not held_back
        assert sound.shape == (STEM, 1)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() <= 1.01
        assert levels.shape == (8, len(FAMILIES))
        shares = 10 ** (levels / 10)
        heard = shares.sum(axis=1) > 1e-6
        np.testing.assert_allclose(shares[heard].sum(axis=1), 1.0, atol=1e-6)
        again, _, _ = instrument_mixes.clip(pool, number, 1)
        np.testing.assert_array_equal(sound, again)
    assert instrument_mixes.clip(pool, 0, 1)[2]


def test_clips_are_written_with_the_labels_that_evaluate_reads(
    stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound, families of the whole clip, families of each second."""
    out = tmp_path / "out"
    monkeypatch.setattr("sys.argv", ["instrument_mixes", str(stems), str(out), "--audio", "4"])
    instrument_mixes.main()
    labels = read_labels(out / "labels.jsonl")
    activity = [json.loads(line)["families"] for line in (out / "activity.jsonl").read_text().splitlines()]
    for labelled, seconds in zip(labels, activity, strict=True):
        assert len(seconds) == 8
        assert set(labelled.labels["instruments"]) == {family for second in seconds for family in second}
    assert any(labelled.labels["instruments"] for labelled in labels)


def test_a_run_goes_on_where_it_was_ended_and_the_fit_writes_a_model(
    stems: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are there are kept; from kept-back and other clips a head is fitted that tells drums from bass."""
    out, model, told = tmp_path / "mixes", tmp_path / "model.npz", tmp_path / "figures.json"
    monkeypatch.setattr(instrument_mixes, "CLIPS_A_FILE", 24)
    monkeypatch.setattr(train_instruments, "_EPOCHS", 12)
    monkeypatch.setattr(train_instruments, "_NETWORKS", 1)
    monkeypatch.setattr(train_instruments, "_BATCH", 16)
    monkeypatch.setattr("sys.argv", ["instrument_mixes", str(stems), str(out), "--count", "24"])
    instrument_mixes.main()
    first = out / "mixes-0000.npz"
    before = first.stat().st_mtime_ns
    monkeypatch.setattr("sys.argv", ["instrument_mixes", str(stems), str(out), "--count", "72"])
    instrument_mixes.main()
    assert first.stat().st_mtime_ns == before
    assert [path.name for path in sorted(out.iterdir())] == [f"mixes-000{n}.npz" for n in range(3)]
    with np.load(first) as stored:
        assert stored["sums"].shape == (24, 8, SUMS)
        assert stored["mel_db"].shape == (24, 344, N_MEL)
    looking = instrument_spectrogram.MODEL_PATH
    arguments = [str(out), "--unseen", str(out), "--spectrogram", str(looking), "--out", str(model)]
    arguments += ["--figures", str(told)]
    monkeypatch.setattr("sys.argv", ["train", *arguments])
    train_instruments.main()
    figures = json.loads(told.read_text())
    assert figures["families"]["drums"]["auroc"] > 0.8
    assert model.stat().st_size < 1_000_000


def test_networks_of_two_heads_are_averaged() -> None:
    """Together they say the mean of what each says, though they were fitted on other values."""
    one = head()
    other = replace(one, mean=one.mean + one.scale, weights=tuple(-weight for weight in one.weights))
    rows = np.random.default_rng(1).normal(size=(4, len(FEATURES))).astype(np.float32) * 100
    both = train_instruments.together(one, other)
    np.testing.assert_allclose(both.logits(rows), (one.logits(rows) + other.logits(rows)) / 2, rtol=1e-4, atol=1e-4)


def test_the_head_as_onnx_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run by onnxruntime on one thread the files, each under 1 MB, give what the arrays give."""
    monkeypatch.setattr("sys.argv", ["export_instruments", str(tmp_path)])
    export_instruments.main()
    one_thread = onnxruntime.SessionOptions()
    one_thread.intra_op_num_threads = one_thread.inter_op_num_threads = 1
    shipped, rng = head(), np.random.default_rng(2)
    middle, spread = shipped.mean.reshape(-1, len(FEATURES))[0], shipped.scale.reshape(-1, len(FEATURES))[0]
    rows = (middle + spread * rng.normal(size=(5, len(FEATURES)))).astype(np.float32)
    stretches = scaled(rng.uniform(-80, 0, (3, STRETCH, N_MEL)).astype(np.float32))
    wanted = {
        "pooled": ("features", rows, shipped.logits(rows)),
        "spectrogram": ("stretches", stretches, network().answers(stretches)),
    }
    for name, (entry, given, said) in wanted.items():
        path = tmp_path / f"{name}.onnx"
        assert path.stat().st_size < 1_000_000
        session = onnxruntime.InferenceSession(str(path), one_thread, providers=["CPUExecutionProvider"])
        (told,) = session.run(None, {entry: given})
        np.testing.assert_allclose(told, said, rtol=1e-3, atol=2e-3)
        assert np.abs(told).max() > 1


def test_the_slopes_of_a_fit_over_spectrograms_are_right() -> None:
    """Each is the limit of differences."""
    rng = np.random.default_rng(7)
    fitted = train_spectrogram.Fit(rng, channels=(2, 3, 2, 3), dropout=0.0)
    stretches = rng.normal(size=(3, STRETCH, N_MEL)).astype(np.float32)
    truth = (rng.random((3, len(FAMILIES))) < 0.4).astype(np.float32), np.ones((3, len(FAMILIES)), dtype=np.float32)
    _, slopes = fitted.slopes(stretches, *truth)
    for part, slope in zip(fitted.parts, slopes, strict=True):
        along = slope / np.linalg.norm(slope)
        start, losses = part.copy(), []
        for move in (_MOVE, -_MOVE):
            part[:] = start + move * along
            losses.append(fitted.slopes(stretches, *truth)[0])
        part[:] = start
        assert (losses[0] - losses[1]) / (2 * _MOVE) == pytest.approx(float(np.linalg.norm(slope)), rel=0.03)


def test_a_network_over_spectrograms_learns_from_mixtures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """High bands are drums, low ones bass: after a few batches clips that were kept back are told, at any level."""
    monkeypatch.setattr(train_spectrogram, "_CHANNELS", (4, 8, 8, 16))
    for name, value in (("_BATCH", 16), ("_EPOCHS", 10), ("_WARM_UP", 5), ("_RATE", 2e-2)):
        monkeypatch.setattr(train_spectrogram, name, value)
    rng = np.random.default_rng(4)
    for file, held_back in ((0, True), (1, False)):
        drums = rng.random(64) < 0.5
        mel_db = rng.normal(-60, 4, (64, 344, N_MEL))
        mel_db[drums, :, 40:] += 30
        mel_db[~drums, :, :15] += 30
        levels = np.full((64, 8, len(FAMILIES)), -120.0)
        levels[drums, :, 0] = levels[~drums, :, 1] = 0.0
        np.savez(tmp_path / f"mixes-{file:04}.npz", mel_db=mel_db.astype(np.float16), levels=levels,
                 held_back=held_back)  # fmt: skip
    out = tmp_path / "network.npz"
    monkeypatch.setattr("sys.argv", ["train_spectrogram", str(tmp_path), str(out)])
    train_spectrogram.main()
    kept = train_spectrogram.read([tmp_path], held_back=True)
    for clip, shares in zip(kept.mel_db[:8], kept.shares[:8], strict=True):
        for level in (0.0, -20.0):
            sights = Sights(instrument_spectrogram.read(out))
            sights.push(clip.astype(np.float32) + np.float32(level))
            logits = seen(sights.take(8))
            assert ((logits[:, 0] > logits[:, 1]) == bool(shares[0, 0] > 0.5)).all()


def test_singing_follows_the_melody() -> None:
    """The strongest partials of a sung note lie on its harmonics."""
    rng = np.random.default_rng(3)
    clock_s = np.arange(2 * RATE_HZ) / RATE_HZ
    spoken = np.sin(2 * np.pi * 120 * clock_s) * (1 + np.sin(2 * np.pi * 4 * clock_s))
    spoken += 0.3 * np.sin(2 * np.pi * 700 * clock_s) + 0.01 * rng.standard_normal(len(clock_s))
    sung = sing([(0.0, 1.9, 57, 100)], 2.0, spoken.astype(np.float32), RATE_HZ, rng)
    spectrum = np.abs(np.fft.rfft(sung[RATE_HZ // 2 : RATE_HZ * 3 // 2] * np.hanning(RATE_HZ)))
    strongest_hz = float(spectrum.argmax())
    octaves = np.log2(strongest_hz / 220 / max(1, round(strongest_hz / 220)))
    assert abs(octaves) < 1 / 12
