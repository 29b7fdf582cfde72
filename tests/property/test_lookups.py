"""Any rules over one catalogue: a list is what comparing every item one by one would give, and never short."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audiofeat.domain import filters
from audiofeat.domain.neighbours import Engine
from audiofeat.index import search
from audiofeat.index.overlay import OverlaidIndex
from audiofeat.services import ranking
from shop import Shop, open_shop, sound

ITEMS = 140
_RNG = np.random.default_rng(11)
SAID = [
    {
        "artist": f"artist {_RNG.integers(12)}",
        "album": f"album {_RNG.integers(3)}",
        "genre": ["rock", "jazz", "folk; jazz", "rare"][min(int(_RNG.exponential(1.0)), 3)],
        "release_date": str(_RNG.integers(1990, 2020)),
    }
    for _ in range(ITEMS)
]
TEMPO = _RNG.uniform(60, 180, ITEMS)
CONDITIONS: dict[str, Any] = {
    "genre=jazz": lambda n: "jazz" in SAID[n]["genre"].split("; "),
    "genre=rare": lambda n: SAID[n]["genre"] == "rare",
    "genre!=rock": lambda n: SAID[n]["genre"] != "rock",
    "artist=artist 3|artist 4": lambda n: SAID[n]["artist"] in {"artist 3", "artist 4"},
    "tempo_bpm=100..104": lambda n: 100 <= TEMPO[n] <= 104,
    "tempo_bpm=..150": lambda n: TEMPO[n] <= 150,
    "release_date=1995..2005": lambda n: "1995" <= SAID[n]["release_date"] <= "2005",
    "release_date=1800": lambda _: False,
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Return a catalogue in which a third of the items came after the index."""
    opened = open_shop(tmp_path_factory.mktemp("shop"))
    for n in range(ITEMS):
        opened.add(f"{n}.wav", sound(n % 7, n), said=SAID[n], tempo_bpm=float(TEMPO[n]))
        if n == 2 * ITEMS // 3:
            opened.publish()
    opened.indexes.refresh(next(iter(opened.spaces)))
    return opened


def expected(shop: Shop, asked: int, terms: list[str], *, k: int, artist_cap: int, album_cap: int) -> list[str]:
    """Compare with every item, one by one."""
    everything = shop.ask(f"{asked}.wav", k=ITEMS, engine=Engine.EXACT, artist_cap=0, album_cap=0)
    artists: Counter[str] = Counter()
    albums: Counter[tuple[str, str]] = Counter()
    lines: list[str] = []
    for line in everything.neighbours:
        n = int(line.item.key.removesuffix(".wav"))
        artist, album = SAID[n]["artist"], (SAID[n]["artist"], SAID[n]["album"])
        is_over = (artist_cap and artists[artist] >= artist_cap) or (album_cap and albums[album] >= album_cap)
        if is_over or not all(CONDITIONS[term](n) for term in terms):
            continue
        artists[artist] += 1
        albums[album] += 1
        lines.append(line.item.key)
    return lines[:k]


def test_the_model_sees_everything(shop: Shop) -> None:
    """Every other item is a line without rules, so that the model leaves out nothing."""
    assert len(shop.ask("0.wav", k=ITEMS, engine=Engine.EXACT, artist_cap=0, album_cap=0).neighbours) == ITEMS - 1


def by_columns(_monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare all that the columns let through, as small catalogues do."""


def by_proposals(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the index propose more and more, and the columns sort them out."""
    monkeypatch.setattr(search, "_LEAST_PROPOSED_OF", 0)
    monkeypatch.setattr(search, "_ROWS_A_PROPOSAL", 0.02)


def by_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the ledger filter growing batches."""
    monkeypatch.setattr(OverlaidIndex, "passing", lambda *_: None)


def by_the_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the ledger find the whole subset."""
    by_batches(monkeypatch)
    monkeypatch.setattr(ranking, "_LAST_BATCH", 1)


@pytest.mark.parametrize("way", [by_columns, by_proposals, by_batches, by_the_ledger])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.integers(0, ITEMS - 1),
    terms=st.lists(st.sampled_from(list(CONDITIONS)), max_size=3, unique=True),
    k=st.integers(1, 40),
    artist_cap=st.integers(0, 3),
    album_cap=st.integers(0, 2),
    engine=st.sampled_from(list(Engine)),
)
def test_lists_are_those_of_a_comparison_with_every_item(
    shop: Shop,
    monkeypatch: pytest.MonkeyPatch,
    *,
    way: Callable[[pytest.MonkeyPatch], None],
    asked: int,
    terms: list[str],
    k: int,
    artist_cap: int,
    album_cap: int,
    engine: Engine,
) -> None:
    """By every way in which filters are held, with every engine: all that meets the rules, nearest first."""
    way(monkeypatch)
    monkeypatch.setattr(ranking, "_SPARE", 1)
    answer = shop.ask(
        f"{asked}.wav", k=k, engine=engine, artist_cap=artist_cap, album_cap=album_cap, conditions=filters.parse(terms)
    )
    assert [line.item.key for line in answer.neighbours] == expected(
        shop, asked, terms, k=k, artist_cap=artist_cap, album_cap=album_cap
    )
    assert [line.rank for line in answer.neighbours] == list(range(1, len(answer.neighbours) + 1))
