"""What items are about: words to directions, their share of a lookup, and what is said where nothing is known."""

from dataclasses import replace

import numpy as np
import pytest

from audiofeat.domain.fitting import fit
from audiofeat.domain.items import Kind
from audiofeat.domain.manner import shared, words
from audiofeat.domain.metadata_fields import read_value
from audiofeat.domain.similarity import group_similarities, weighed, with_about
from audiofeat.domain.space import Space, blocks_all, embed_all, from_json, to_json
from audiofeat.domain.texts import FIT_FROM_TEXTS, TOLD, TextModel, Words, fit_texts
from audiofeat.domain.told import words_of
from audiofeat.errors import InvalidInput
from tests.descriptors import descriptors

TEXT = TOLD[Kind.EPISODE]
TOPICS = {
    "sea": "harbour boat sailing storm lighthouse captain tide anchor wave fish",
    "garden": "rose soil seed compost pruning spring frost bulb hedge lawn",
    "money": "market bank interest loan stock tax budget inflation bond trade",
}


def told(topic: str, seed: int) -> Words:
    """Return what is said of an item: some words of its topic, some of no topic."""
    rng = np.random.default_rng(seed)
    words = [*rng.choice(TOPICS[topic].split(), 5), *rng.choice(["today", "talk", "guest", "week", "with"], 3)]
    return words_of(
        Kind.EPISODE, {"title": " ".join(words[:2]), "description": " ".join(words), "persons": f"Person {seed}"}
    )


TEXTS = [told(topic, seed) for seed, topic in enumerate([*TOPICS] * 20)]


@pytest.fixture(scope="module")
def model() -> TextModel:
    made = fit_texts(TEXTS)
    assert made is not None
    return made


@pytest.fixture(scope="module")
def space(model: TextModel) -> Space:
    return replace(fit(descriptors(60), kind=Kind.EPISODE), text=model)


def test_words_are_compared_without_case_and_accents() -> None:
    """Names of show and publisher do not count, nor does a single letter."""
    said = words_of(
        Kind.EPISODE, {"title": "Déjà-vu, a Revue", "description": "deja", "show": "Show", "publisher": "House"}
    )
    assert said == {"deja": 3.0, "vu": 2.0, "revue": 2.0}
    assert words_of(Kind.EPISODE, {}) == {}


def test_what_all_episodes_of_a_show_say_does_not_count() -> None:
    """The show's name in a title, and who hosts it; a guest does."""
    said = {
        "show": "Two Chairs",
        "title": "Two Chairs 12: Tides",
        "persons": "Ana Example (host); Bob Beispiel (guest)",
    }
    assert set(words_of(Kind.EPISODE, said)) == {"12", "tides", "bob", "beispiel"}


def test_a_track_is_told_by_genre_tags_era_and_artist() -> None:
    """A genre means all that it belongs to, a year shares a decade with its neighbours, a name is no genre."""
    said = words_of(Kind.TRACK, {"genre": "Deep House; Own Thing", "tags": "late; Night-Time", "title": "Left out"})
    assert set(said) == {
        "genre deep house", "genre own thing", "genre electronic", "genre electronic/house",
        "genre electronic/house/deep house", "tag late", "tag night time",
    }  # fmt: skip
    years = [words_of(Kind.TRACK, {"release_date": said}) for said in ("1989-12-31", "1991", "2003")]
    assert [len(set(years[0]) & set(other)) for other in years] == [2, 1, 0]
    assert set(words_of(Kind.TRACK, {"artist": "House; Various Artists; Ana"})) == {"artist house", "artist ana"}
    assert words_of(Kind.TRACK, {"release_date": "soon", "genre": None}) == {}


def test_a_new_track_inherits_what_its_artist_is_said_to_be() -> None:
    """One of which nothing but the artist is known lies nearest to the genre of the artist's others."""
    styles = ("House", "Bebop", "Thrash Metal")
    said = [{"genre": styles[n % 3], "artist": f"Artist {n % 9}"} for n in range(45)]
    fitted = fit_texts([words_of(Kind.TRACK, one) for one in said])
    assert fitted is not None
    new = fitted.place([words_of(Kind.TRACK, {"artist": f"artist {n}"}) for n in range(9)])
    near = new @ fitted.place([words_of(Kind.TRACK, {"genre": style}) for style in styles]).T
    assert near.argmax(axis=1).tolist() == [n % 3 for n in range(9)]


def test_a_description_is_plain_and_no_longer_than_a_field() -> None:
    """Markup and what lies beyond is left out, instead of making the value wrong."""
    value, problem = read_value("description", f"<p>One &amp; <b>two</b></p>{' x' * 3_000}")
    assert problem is None
    assert isinstance(value, str)
    assert value.startswith("One & two x")
    assert len(value) <= 1_000


def test_texts_of_one_topic_lie_together(model: TextModel) -> None:
    """Of new texts the five nearest are about the same, in nine of ten."""
    known, new = model.place(TEXTS), model.place([told(topic, 100 + n) for n, topic in enumerate([*TOPICS] * 10)])
    near = np.argsort(-(new @ known.T), axis=1)[:, :5]
    assert np.mean(near % 3 == np.arange(30)[:, None] % 3) > 0.9


def test_a_text_of_unknown_words_has_no_place(model: TextModel) -> None:
    """It is a row of zeros, as an empty one is; all others have length 1."""
    assert not model.place([{}, {"zyxwvut": 1.0}]).any()
    assert np.allclose(np.linalg.norm(model.place(TEXTS), axis=1), 1)


def test_too_few_texts_are_no_model() -> None:
    """Nor are texts that have no word in common, or all the same ones."""
    assert fit_texts(TEXTS[: FIT_FROM_TEXTS - 1]) is None
    assert fit_texts([{}] * 100) is None
    assert fit_texts([{f"word{n}": 1.0} for n in range(50)]) is None
    assert fit_texts([{"same": 1.0}] * 50) is None


def test_fitting_is_deterministic(model: TextModel) -> None:
    """The same texts give the same bytes, so that equal spaces have one id."""
    again = fit_texts(TEXTS)
    assert again is not None
    assert again.components.tobytes() == model.components.tobytes()


def test_a_space_with_texts_survives_its_json(space: Space) -> None:
    """Its id depends on them; embeddings do not."""
    bare = replace(space, text=None)
    again = from_json(to_json(space))
    assert again.id == space.id != bare.id
    items = descriptors(5)
    assert np.array_equal(embed_all(again, items), embed_all(bare, items))
    assert np.array_equal(blocks_all(again, items, TEXTS[:5]), blocks_all(space, items, TEXTS[:5]))
    assert bare.block_dims + again.groups[TEXT].stop - again.groups[TEXT].start == again.block_dims


def test_about_shares_the_relevance_out(space: Space) -> None:
    """At 0 sound alone ranks, at 1 texts alone, and between them each has its share."""
    blocks = blocks_all(space, descriptors(60), TEXTS)
    assert with_about(space, {}, 0.0) == {}
    by_text = weighed(space, blocks, with_about(space, {}, 1.0))
    same = np.arange(60) % 3 == 0
    assert np.mean((by_text @ by_text[0])[same]) > np.mean((by_text @ by_text[0])[~same]) + 0.3
    half = with_about(space, {"timbre": 1.0, "spectral": 1.0}, 0.5)
    assert half[TEXT] ** 2 == pytest.approx(0.5)
    assert sum(weight**2 for group, weight in half.items() if group != TEXT) == pytest.approx(0.5)
    told_of = group_similarities(space, blocks[0], blocks[3], half)
    assert told_of[TEXT].similarity is not None
    assert TEXT not in group_similarities(space, blocks[0], blocks[3])
    untold = blocks_all(space, descriptors(1), [{}])[0]
    assert group_similarities(space, untold, blocks[3], half)[TEXT].similarity is None


def test_a_space_without_texts_says_so(space: Space) -> None:
    """The remedy is to bring descriptions."""
    with pytest.raises(InvalidInput, match="fewer than 20 had a description"):
        with_about(replace(space, text=None), {}, 0.5)
    with pytest.raises(InvalidInput, match="built without metadata"):
        with_about(replace(space, text=None, kind=Kind.TRACK), {}, 0.5)


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ({}, ()),
        ({"delivery": {"number_of_voices": None, "speaking_rate_hz": None}, "speech": {"music_ratio": None}}, ()),
        (
            {
                "delivery": {"number_of_voices": "3+", "speaking_rate_hz": 3.0, "liveliness": 0.9},
                "speech": {"music_ratio": 0.5},
                "production": {"music_bed_ratio": 0.6, "snr_db": 8.0},
            },
            ("three voices or more", "slow talkers", "lively", "much music", "music under the speech", "noisy"),
        ),
    ],
)
def test_an_episode_is_told_in_words(features: dict[str, dict[str, object]], said: tuple[str, ...]) -> None:
    """Nothing is said of what was not measured, nor of what is as usual."""
    assert words(features) == said
    assert shared(features, features) == (f"both: {', '.join(said)}" if said else "")
    assert shared(features, {}) == ""
