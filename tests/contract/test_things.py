"""What every ledger does with artists, albums, shows and collections: keeps them, and knows their items."""

from collections.abc import Iterator

import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain import filters
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import JobState, MetadataRecord, Outcome, Registration
from audiofeat.domain.merge_policy import parse
from audiofeat.domain.things import ThingKind, checked_collection
from audiofeat.errors import InvalidInput
from audiofeat.services.import_metadata import bring_up_to_date
from audiofeat.services.metadata_locks import lock_fields
from audiofeat.space_errors import ThingUnknown

ARTIST, ALBUM, SHOW, COLLECTION = ThingKind
SAID = {
    "a": {"artist": ["Ana", "Bo"], "album": "Hits", "genre": "Deep House"},
    "b": {"artist": "ANA", "album": "hits", "genre": "Techno"},
    "c": {"artist": "Bo", "featured_artist": "Ana", "album": "Hits"},
    "d": {"show": "Talks", "language": "en", "explicit": True},
}


@pytest.fixture
def catalogue(ledger_url: str) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(ledger_url)
    yield opened
    opened.close()


def add(catalogue: SqlCatalogue, name: str, said: dict[str, object]) -> str:
    kind = Kind.EPISODE if "show" in said else Kind.TRACK
    records = (MetadataRecord("csv:shop", said),)
    audio = ObjectVersion("s3/shop", f"{name}.wav", "v1", 1)
    [job] = catalogue.register([Registration(audio, kind=kind, kind_source=KindSource.OPTION, records=records)])
    claim = catalogue.claim(job.job_id, worker="test", lease_s=60)
    assert claim is not None
    outcome = Outcome(
        state=JobState.DONE, sha256=name.encode().hex().ljust(64, "0"), audio={"decoded_duration_s": 60.0}, flags=(),
        groups=(), extractor={}, kind=kind, kind_source=KindSource.OPTION,
    )  # fmt: skip
    assert catalogue.finish(claim, outcome)
    return job.item_id


@pytest.fixture
def songs(catalogue: SqlCatalogue) -> dict[str, str]:
    """Return the items by name."""
    return {name: add(catalogue, name, dict(said)) for name, said in SAID.items()}


def listed(catalogue: SqlCatalogue, kind: ThingKind) -> dict[str, int]:
    """Return how many items each thing of a kind has, by its title, page after page."""
    found: dict[str, int] = {}
    after: str | None = None
    while page := catalogue.things(kind, after=after, limit=1):
        found[page[0][0].title.casefold()] = page[0][1]
        after = page[0][0].key
    return found


def items_of(catalogue: SqlCatalogue, kind: ThingKind, name: str, *terms: str) -> dict[str, bool]:
    """Return the items of a thing, and whether each meets conditions."""
    thing = catalogue.find_thing(kind, name)
    members = catalogue.items_of([thing.thing_id], conditions=filters.parse(terms))
    return {member.item_id: member.meets for member in members}


def test_items_belong_to_what_their_metadata_names(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """Names are one without regard to case; an album is its artist's; guests are credited, and sound in nobody else."""
    assert listed(catalogue, ARTIST) == {"ana": 2, "bo": 2}
    assert listed(catalogue, ALBUM) == {"hits - ana": 2, "hits - bo": 1}
    assert listed(catalogue, SHOW) == {"talks": 1}
    assert items_of(catalogue, ARTIST, "ana") == {songs["a"]: True, songs["b"]: True}
    assert items_of(catalogue, ARTIST, "Bo", "genre=house") == {songs["a"]: True, songs["c"]: False}
    found = set(catalogue.matching(Kind.TRACK, filters.parse(["artist=ana"])))
    assert found == {songs["a"], songs["b"]}
    assert catalogue.things_having(ARTIST, Kind.TRACK, filters.parse(["genre=techno"])) == [
        catalogue.find_thing(ARTIST, "Ana").thing_id
    ]


def test_a_thing_is_found_by_id_and_name(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """An album's name that several have is no name; unknown ones are told how to list what there is."""
    assert songs
    ana = catalogue.find_thing(ARTIST, " ana ")
    assert catalogue.find_thing(ARTIST, ana.thing_id) == ana
    assert catalogue.find_thing(ALBUM, "Hits/bo").by == "Bo"
    with pytest.raises(InvalidInput, match="several albums") as several:
        catalogue.find_thing(ALBUM, "hits")
    assert catalogue.find_thing(ALBUM, "Hits/Ana").thing_id in several.value.remedy
    for kind in ThingKind:
        with pytest.raises(ThingUnknown, match="nobody") as unknown:
            catalogue.find_thing(kind, "nobody")
        assert f"audiofeat {kind.value}s" in unknown.value.remedy


def test_things_follow_metadata_takedowns_and_the_policy(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """A corrected name moves the item, a hidden item is nobody's, and a table of names holds for what is there."""
    lock_fields(catalogue, songs["b"], {"artist": "Bea"}, by="me")
    assert listed(catalogue, ARTIST) == {"ana": 1, "bea": 1, "bo": 2}
    catalogue.take_down(songs["c"])
    assert listed(catalogue, ARTIST) == {"ana": 1, "bea": 1, "bo": 1}
    catalogue.put_policy(parse('version = 1\n[names]\n"bea" = "Ana"\n"BO" = ""'))
    bring_up_to_date(catalogue)
    assert listed(catalogue, ARTIST) == {"ana": 2}


def test_artists_of_one_name_are_told_apart_by_ids_where_the_policy_says_so(catalogue: SqlCatalogue) -> None:
    """What has no id stays with the name, filters by name find all, and another policy takes it back."""
    ids = {"x": "Ana=mbid:1", "y": "ANA=mbid:2", "z": "Bo=mbid:3"}
    items = {name: add(catalogue, name, {"artist": "Ana; Cy", "artist_ids": said}) for name, said in ids.items()}
    assert listed(catalogue, ARTIST) == {"ana": 3, "cy": 3}
    catalogue.put_policy(parse('version = 1\n[artists]\nby_id = ["aNa"]'))
    bring_up_to_date(catalogue)
    assert listed(catalogue, ARTIST) == {"ana": 1, "ana - mbid:1": 1, "ana - mbid:2": 1, "cy": 3}
    assert sorted(catalogue.matching(Kind.TRACK, filters.parse(["artist=ana"]))) == sorted(items.values())
    assert catalogue.find_thing(ARTIST, "Ana").by is None
    lock_fields(catalogue, items["z"], {"artist": "Cy"}, by="me")
    with pytest.raises(InvalidInput, match="several artists"):
        catalogue.find_thing(ARTIST, "Ana")
    catalogue.put_policy(parse("version = 1"))
    bring_up_to_date(catalogue)
    assert listed(catalogue, ARTIST) == {"ana": 2, "cy": 3}


def test_every_membership_is_read_once_in_pages(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """What is pooled is read in the order of things, whatever the size of a page."""
    whole = catalogue.memberships(ARTIST, limit=100)
    ana, bo = (catalogue.find_thing(ARTIST, name).thing_id for name in ("Ana", "Bo"))
    assert sorted(whole) == sorted((t, songs[s], 1.0) for t, s in ((ana, "a"), (ana, "b"), (bo, "a"), (bo, "c")))
    paged: list[tuple[str, str, float]] = []
    while page := catalogue.memberships(ARTIST, after=paged[-1][:2] if paged else None, limit=1):
        paged += page
    assert paged == whole
    assert len(catalogue.items_of([ana, bo], most=1)) == 2


def test_a_collection_is_what_was_put_last(catalogue: SqlCatalogue, songs: dict[str, str]) -> None:
    """Items with weights, replaced as a whole, never touched by metadata, and gone when dropped."""
    mine = checked_collection("Mine", {"x": 1.0})
    assert catalogue.put_collection(mine, {songs["a"]: 2.0, songs["d"]: 0.5})
    assert not catalogue.put_collection(mine, {songs["a"]: 3.0, songs["c"]: 1.0})
    lock_fields(catalogue, songs["a"], {"artist": "Eve"}, by="me")
    members = catalogue.items_of([catalogue.find_thing(COLLECTION, "mine").thing_id])
    assert {(one.item_id, one.weight) for one in members} == {(songs["a"], 3.0), (songs["c"], 1.0)}
    assert listed(catalogue, COLLECTION) == {"mine": 2}
    catalogue.drop_collection(mine)
    with pytest.raises(ThingUnknown):
        catalogue.find_thing(COLLECTION, "Mine")
