"""How surely records find their items, on a made catalogue: ``make bench``.

Names are made of syllables, so that no two artists are alike by design; then each record is a copy of an item's fields
that went through what really happens to metadata: slips of the pen, another alphabet, swapped fields, other spellings
of guests, remasters, durations that are missing or of another encoder. Of a third of the records there is no item:
other versions (live, remix, instrumental, sped up), covers, other parts of a series, and strangers; every seventh item
of the catalogue is a version of another one. No record has an identifier, so names have to do. Precision and recall are
of the matches that are made without a person.
"""

import argparse
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from audiofeat.domain import matching
from audiofeat.domain.match_keys import sketches
from audiofeat.domain.source_records import MatchState

PROMISED_PRECISION, PROMISED_RECALL = 0.99, 0.90
_SYLLABLES = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeio")
_WORDS = (
    "night", "river", "stone", "light", "rain", "harbour", "winter", "glass", "silver", "train", "summer", "north",
    "blue", "garden", "fire", "mirror", "city",
)  # fmt: skip
_CYRILLIC = dict(zip("abdefgiklmnoprstuvz", "абдефгиклмнопрстувз", strict=True))
_ACCENTS = str.maketrans("aeioun", "áéíöüñ")


@dataclass(frozen=True)
class Case:
    """A record, the item that it is about (None: there is none), and what was done to it."""

    fields: dict[str, Any]
    item_id: str | None
    what: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; fail where less is reached than promised."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=3_000, help="in the catalogue")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    catalogue, cases = made(options.items, seed=options.seed)
    precision, recall, by_kind = measured(catalogue, cases)
    for what, outcomes in sorted(by_kind.items()):
        print(f"{what:18} {dict(sorted(outcomes.items()))}")
    print(f"{len(cases)} records, {len(catalogue)} items: precision {precision:.4f}, recall {recall:.4f}")
    is_kept = precision >= PROMISED_PRECISION and recall >= PROMISED_RECALL
    print(f"promised: {PROMISED_PRECISION} at {PROMISED_RECALL}: {'kept' if is_kept else 'NOT kept'}")
    return 0 if is_kept else 1


def measured(
    catalogue: dict[str, dict[str, Any]], cases: Sequence[Case]
) -> tuple[float, float, dict[str, Counter[str]]]:
    """Return precision and recall of automatic matches, and what became of each kind of case."""
    carriers: dict[str, list[str]] = {}
    for item_id, said in catalogue.items():
        for key in sketches(said):
            carriers.setdefault(key, []).append(item_id)
    right = wrong = 0
    by_kind: dict[str, Counter[str]] = {}
    for case in cases:
        near = {item_id for key in sketches(case.fields) for item_id in carriers.get(key, ())}
        found = [matching.by_names(case.fields, catalogue[item_id], item_id) for item_id in sorted(near)]
        decided = matching.decide(found)
        outcome = "nothing"
        if decided and decided[0][1] is MatchState.MATCHED:
            is_right = decided[0][0].item_id == case.item_id
            right, wrong = right + is_right, wrong + (not is_right)
            outcome = "right" if is_right else "WRONG"
        elif decided:
            outcome = "waits"
        by_kind.setdefault(case.what, Counter())[outcome] += 1
    real = sum(case.item_id is not None for case in cases)
    return right / max(right + wrong, 1), right / real, by_kind


def made(items: int, *, seed: int) -> tuple[dict[str, dict[str, Any]], list[Case]]:
    """Return items by id, and records about them and about others."""
    rng = random.Random(seed)
    artists = [" ".join(_name(rng) for _ in range(rng.choice([1, 2, 2, 3]))) for _ in range(items // 8 + 1)]
    catalogue = {
        f"item-{n}": {
            "artist": rng.choice(artists),
            "title": _title(rng),
            "duration_s": round(rng.uniform(90, 420), 2),
        }
        for n in range(items)
    }
    # Of every sixth there is another version in the catalogue, too.
    for n in range(0, items, 6):
        other = dict(catalogue[f"item-{n}"])
        other["title"] += rng.choice([" (Live)", f" ({_name(rng).title()} Remix)", " (Instrumental)", " Part 2"])
        other["duration_s"] += rng.choice([0.0, 0.0, 30.0])
        catalogue[f"item-{n}-version"] = other
    cases = [_case(rng, item_id, said) for item_id, said in catalogue.items()]
    # A version of an item that has one already might be just that one.
    alone = [catalogue[f"item-{n}"] for n in range(items) if n % 6]
    cases += [_stranger(rng, said) for said in rng.sample(alone, items // 2)]
    return catalogue, cases


def _case(rng: random.Random, item_id: str, said: dict[str, Any]) -> Case:
    fields = {**said, "duration_s": said["duration_s"] + rng.uniform(-2, 2)}
    what = rng.choice(
        ["same", "typo", "typo", "accents", "alphabet", "guest", "remaster", "case", "swapped", "no duration"]
    )
    match what:
        case "typo":
            field = rng.choice(["artist", "title"])
            fields[field] = _slip(rng, fields[field])
        case "accents":
            fields["artist"] = fields["artist"].translate(_ACCENTS)
        case "alphabet":
            fields["artist"] = "".join(_CYRILLIC.get(letter, letter) for letter in fields["artist"])
        case "guest":
            fields["title"] += rng.choice([" (feat. {})", " ft. {}", " [featuring {}]"]).format(_name(rng).title())
        case "remaster":
            fields["title"] += rng.choice([" (2011 Remaster)", " - Remastered 2009", " (Album Version)"])
        case "case":
            fields = {**fields, "artist": fields["artist"].upper(), "title": f"  {fields['title'].title()}!"}
        case "swapped":
            fields["artist"], fields["title"] = fields["title"], fields["artist"]
        case "no duration":
            del fields["duration_s"]
    return Case(fields, item_id, what)


def _stranger(rng: random.Random, said: dict[str, Any]) -> Case:
    fields = {**said, "duration_s": said["duration_s"] + rng.uniform(-3, 3)}
    what = rng.choice(
        ["live", "remix", "instrumental", "sped up", "cover", "part", "other edit", "other title", "other"]
    )
    match what:
        case "live":
            fields["title"] += rng.choice([" (Live)", " - Live at the Harbour"])
        case "remix":
            fields["title"] += f" ({_name(rng).title()} Remix)"
        case "instrumental":
            fields["title"] += " (Instrumental)"
        case "sped up":
            fields["title"] += " - sped up"
        case "cover":
            fields["artist"] = " ".join(_name(rng) for _ in range(2))
        case "part":
            fields["title"] += f" {rng.choice(['Part', 'No.', 'Pt.'])} {rng.randint(2, 9)}"
        case "other edit":
            fields["duration_s"] = said["duration_s"] * rng.choice([0.6, 1.5, 2.0])
        case "other title":
            fields["title"] = _title(rng)
        case "other":
            fields = {**fields, "artist": _name(rng), "title": _title(rng)}
    return Case(fields, None, f"no item: {what}")


def _name(rng: random.Random) -> str:
    return "".join(rng.choice(_SYLLABLES) for _ in range(rng.randint(2, 4)))


def _title(rng: random.Random) -> str:
    words = [rng.choice(_WORDS) if rng.random() < 0.5 else _name(rng) for _ in range(rng.randint(1, 4))]
    return " ".join(words)


def _slip(rng: random.Random, text: str) -> str:
    at = rng.randrange(len(text))
    letter = rng.choice("abcdefghijklmnopqrstuvwxyz")
    return rng.choice([text[:at] + text[at + 1 :], text[:at] + letter + text[at + 1 :], text[:at] + letter + text[at:]])


if __name__ == "__main__":
    raise SystemExit(main())
