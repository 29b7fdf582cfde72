"""How surely duplicates are told from other recordings: ``make bench``.

Each piece of a folder is analysed as it is, at another level, cut at either end, and re-encoded; all copies of a piece
should be one group, and none of them with another piece. Precision and recall are those of pairs. ``python -m
tests.benchmarks.duplicates FOLDER``; without a folder the tracks of ``samples/``. ``--tracks labels.jsonl`` tells which
files (``id``) are of one recording (``track``), whose pairs count neither way.
"""

import argparse
import itertools
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import av
import numpy as np
import soundfile
import soxr

from audiofeat.catalogue import open_catalogue
from audiofeat.domain.fingerprints import Print, decoded, fit
from audiofeat.domain.items import Kind
from audiofeat.features.file import _chromaprint
from audiofeat.features.frames import LOW_RATE_HZ
from audiofeat.ports import PrintRow
from audiofeat.services.copies import SAME_BIT_ERROR_RATIO, Look
from tests.benchmarks.invariance import AUDIO, CODECS, SUFFIXES, encode

_FINGERPRINTED_S = 120
_LONGEST_S = 60
_CUTS_S = {
    "1.7 s cut from the beginning": (1.7, 0.0),
    "4 s cut from the beginning": (4.0, 0.0),
    "4 s cut from the end": (0.0, 4.0),
}
# The samples hold one piece twice on purpose.
_KNOWN = {"piano_late_train": "piano_late_train", "sampler_track_07": "piano_late_train"}


def copies(pcm: np.ndarray, rate_hz: int, folder: Path) -> Iterator[tuple[str, np.ndarray, int]]:
    """Yield the name, PCM and rate of each copy."""
    yield "as it is", pcm, rate_hz
    yield "-12 dB", pcm * 0.25, rate_hz
    for name, (before_s, behind_s) in _CUTS_S.items():
        yield name, pcm[int(before_s * rate_hz) : len(pcm) - int(behind_s * rate_hz)], rate_hz
    for name in CODECS:
        path = folder / "copy.coded"
        encode(path, pcm, rate_hz, name)
        yield name, *_read(path)


def _read(path: Path) -> tuple[np.ndarray, int]:
    with av.open(str(path)) as file:
        resampler = av.AudioResampler(format="fltp")
        frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray() for frame in frames], axis=1).T.astype(np.float32), frames[0].sample_rate


def printed(pcm: np.ndarray, rate_hz: int) -> str | None:
    """Return the fingerprint of PCM of shape (samples, channels)."""
    mono = soxr.resample(pcm.mean(axis=1), rate_hz, LOW_RATE_HZ)[: _FINGERPRINTED_S * LOW_RATE_HZ]
    return _chromaprint(mono.astype(np.float32))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print how the copies of each kind and different pieces compare, and precision and recall; fail on false pairs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=AUDIO)
    parser.add_argument("--tracks", type=Path)
    parser.add_argument("--most", type=int, default=12, help="pieces")
    options = parser.parse_args(arguments)
    lines = options.tracks.read_text().splitlines() if options.tracks else ()
    tracks = _KNOWN | {entry["id"]: entry["track"] for entry in map(json.loads, lines)}
    items: dict[str, PrintRow] = {}
    kinds: dict[str, list[str]] = {}
    paths = [path for path in sorted(options.folder.rglob("*")) if path.suffix in SUFFIXES][: options.most]
    with tempfile.TemporaryDirectory() as scratch:
        for path in paths:
            try:
                pcm, rate_hz = soundfile.read(path, always_2d=True, dtype="float32")
            except soundfile.LibsndfileError:
                continue  # a damaged file says nothing about copies
            for kind, signal, hz in copies(pcm[: _LONGEST_S * rate_hz, :2], rate_hz, Path(scratch)):
                item_id, text = f"{path.stem}|{kind}", printed(signal, hz)
                row = PrintRow(item_id, Kind.TRACK, item_id, len(signal) / hz, item_id, text)
                if text is not None:
                    items[item_id] = row
                    kinds.setdefault(kind, []).append(item_id)
    prints = {item_id: decoded(row.chromaprint) for item_id, row in items.items() if row.chromaprint}
    told(kinds, prints)
    return verdict(items, tracks)


def told(kinds: Mapping[str, Sequence[str]], prints: Mapping[str, Print]) -> None:
    """Print the shares of bits that differ between each piece and its copies, and between pieces."""
    print("| copies | pairs | bits that differ: median | greatest |")
    print("|---|---|---|---|")
    whole = kinds["as it is"]
    for kind, item_ids in kinds.items():
        pairs = [(f"{item_id.split('|')[0]}|as it is", item_id) for item_id in item_ids if kind != "as it is"]
        _line(kind, pairs, prints, np.max)
    _line("different pieces (least)", list(itertools.combinations(whole, 2)), prints, np.min)


def _line(title: str, pairs: Sequence[tuple[str, str]], prints: Mapping[str, Print], extreme: np.ufunc) -> None:
    ratios = [found.bit_error_ratio for one, other in pairs if (found := fit(prints[one], prints[other]))]
    if ratios:
        print(f"| {title} | {len(ratios):,} | {np.median(ratios):.3f} | {extreme(ratios):.3f} |")


def verdict(items: Mapping[str, PrintRow], tracks: Mapping[str, str]) -> int:
    """Print precision and recall of pairs in one group, at ``SAME_BIT_ERROR_RATIO``."""
    with tempfile.TemporaryDirectory() as folder:
        look = Look(list(items.values()), open_catalogue(f"sqlite:///{folder}/ledger.sqlite3"))
    for row in items.values():
        look.at(row)
    group = {item_id: item_id for item_id in items}
    for link in look.same.values():
        one, other = (_first(group, item_id) for item_id in link.pair)
        group[max(one, other)] = min(one, other)
    pieces = {item_id: item_id.split("|")[0] for item_id in items}
    counts = {"right": 0, "false": 0, "missed": 0}
    false: set[tuple[str, str]] = set()
    for one, other in itertools.combinations(sorted(items), 2):
        is_piece = pieces[one] == pieces[other]
        track = tracks.get(pieces[one])
        if not is_piece and track is not None and track == tracks.get(pieces[other]):
            continue
        is_group = _first(group, one) == _first(group, other)
        if is_group:
            counts["right" if is_piece else "false"] += 1
            false |= set() if is_piece else {(pieces[one], pieces[other])}
        elif is_piece:
            counts["missed"] += 1
    found, wanted = counts["right"] + counts["false"], counts["right"] + counts["missed"]
    print(
        f"{len(items):,} items at {SAME_BIT_ERROR_RATIO:.0%}: precision {counts['right'] / max(found, 1):.4f}, "
        f"recall {counts['right'] / max(wanted, 1):.4f} of {wanted:,} pairs; {len(look.like)} suggestions"
    )
    for one, other in sorted(false):
        print(f"  in one group: {one}, {other}")
    return 1 if false else 0


def _first(group: dict[str, str], item_id: str) -> str:
    while group[item_id] != item_id:
        item_id = group[item_id]
    return item_id


if __name__ == "__main__":
    sys.exit(main())
