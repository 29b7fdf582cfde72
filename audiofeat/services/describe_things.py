"""What an artist, album, show or collection is like: how many items, how alike, and how the median one sounds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from audiofeat.domain import genres
from audiofeat.domain.items import Kind
from audiofeat.domain.things import Thing, ThingKind
from audiofeat.errors import IndexMissing, InvalidInput, ItemUnknown
from audiofeat.ports import Catalogue, IndexReader, ItemFacts, Membership
from audiofeat.services.places import MOST_POOLED, pooled

_MOST_GENRES = 20
_MOST_LANGUAGES = 5
_MOST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Sound:
    """How the items of one kind sound.

    Parameters
    ----------
    items : int
        How many are analysed.
    duration_s : float or None
        Of the median item.
    total_duration_s : float
        Of all together.
    consistency : float or None
        The mean cosine of two of them in the space that is served; None where fewer than two can be compared.
    explicit_ratio : float or None
        Of those of which it is known.
    languages : tuple of str
        The most frequent first, at most five.
    first_release, last_release : str or None
        As far as days are known.
    features : Mapping[str, float]
        Medians of the usual features.
    """

    items: int
    duration_s: float | None
    total_duration_s: float
    consistency: float | None
    explicit_ratio: float | None
    languages: tuple[str, ...]
    first_release: str | None
    last_release: str | None
    features: Mapping[str, float]

    @property
    def in_words(self) -> str:
        """The same in short."""
        known = self.features
        said = [text.format(scale * known[path]) for path, (text, scale) in _WORDS.items() if path in known]
        return ", ".join([*said, *([f"{self.duration_s / 60:.1f} min an item"] if self.duration_s else [])])


_WORDS = {
    "speech.speech_ratio": ("{:.0f} % speech", 100.0),
    "speech.music_ratio": ("{:.0f} % music", 100.0),
    "rhythm.tempo_bpm": ("about {:.0f} BPM", 1.0),
    "loudness.integrated_loudness_lufs": ("{:.0f} LUFS", 1.0),
}


@dataclass(frozen=True, slots=True)
class Description:
    """What a thing is like; ``members`` are those of a collection."""

    thing: Thing
    sounds: Mapping[Kind, Sound]
    genres: tuple[tuple[str, float], ...]
    members: tuple[Membership, ...] | None

    @property
    def items(self) -> int:
        """How many items are analysed."""
        return sum(sound.items for sound in self.sounds.values())


def describe(kind: ThingKind, name: str, *, catalogue: Catalogue, indexes: IndexReader) -> Description:
    """Return what a thing is like, of at most 10,000 of its items; raises ThingUnknown or InvalidInput."""
    thing = catalogue.find_thing(kind, name)
    members = catalogue.items_of([thing.thing_id], most=MOST_POOLED)
    facts = catalogue.item_facts([member.item_id for member in members])
    sounds = {}
    for of_kind in Kind:
        own = [member for member in members if member.kind == of_kind]
        if own:
            known = [facts[member.item_id] for member in own if member.item_id in facts]
            sounds[of_kind] = _sound(len(own), known, _consistency(own, of_kind, indexes))
    return Description(
        thing, sounds, _genres(members), tuple(members) if kind is ThingKind.COLLECTION else None
    )  # fmt: skip


def collected(given: Sequence[tuple[str, float]], catalogue: Catalogue) -> dict[str, float]:
    """Return weights by item id from weights by any id, reference or alias.

    Raises
    ------
    ItemUnknown
        An item does not exist; the message says how many do not.
    InvalidInput
        An item is named twice.
    """
    known = catalogue.named([name for name, _ in given])
    unknown = [name for name, _ in given if name not in known]
    if unknown:
        raise ItemUnknown(
            f"{len(unknown):,} of {len(given):,} items are not in the catalogue, such as {unknown[0]!r}",
            "leave them out, or ingest them first; items go by id or reference",
        )
    weights: dict[str, float] = {}
    for name, weight in given:
        if known[name] in weights:
            raise InvalidInput(f"{name!r} is listed twice", "list each item once; its weight says how much it counts")
        weights[known[name]] = weight
    return weights


def _sound(items: int, facts: Sequence[ItemFacts], consistency: float | None) -> Sound:
    durations = [fact.duration_s for fact in facts if fact.duration_s is not None]
    explicit = [fact.explicit for fact in facts if fact.explicit is not None]
    released = sorted(fact.release_date for fact in facts if fact.release_date)
    measured: dict[str, list[float]] = {}
    for fact in facts:
        for path, value in fact.features.items():
            if isinstance(value, int | float):
                measured.setdefault(path, []).append(float(value))
    languages = Counter(fact.language for fact in facts if fact.language)
    return Sound(
        items=items,
        duration_s=float(np.median(durations)) if durations else None,
        total_duration_s=float(sum(durations)),
        consistency=consistency,
        explicit_ratio=sum(explicit) / len(explicit) if explicit else None,
        languages=tuple(language for language, _ in languages.most_common(_MOST_LANGUAGES)),
        first_release=released[0] if released else None,
        last_release=released[-1] if released else None,
        # What only few of the items have says little of all of them.
        features={
            path: float(np.median(values))
            for path, values in measured.items()
            if len(values) >= _MOST_SHARE * len(facts)
        },
    )


def _consistency(members: Sequence[Membership], kind: Kind, indexes: IndexReader) -> float | None:
    try:
        index = indexes.current(kind)
    except IndexMissing:
        return None
    value = float(pooled(members, index).pooled.consistency[0])
    return None if np.isnan(value) else value


def _genres(members: Sequence[Membership]) -> tuple[tuple[str, float], ...]:
    counts = Counter(path for member in members for path in genres.above(member.genre))
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:_MOST_GENRES]
    return tuple((path, count / len(members)) for path, count in ordered)
