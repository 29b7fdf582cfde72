"""Artists, albums, shows and collections, and the items that they have."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from audiofeat.domain.filters import Condition
from audiofeat.domain.items import Kind
from audiofeat.domain.things import Thing, ThingKind


class Membership(NamedTuple):
    """An item of a thing.

    Parameters
    ----------
    thing_id, item_id : str
        Of both.
    weight : float
        How much the item counts in a collection; 1 elsewhere.
    kind : str
        Of the item.
    meets : bool
        Whether the item meets the conditions that were asked for.
    genre : str or None
        Its genres, packed as filters go by them.
    """

    thing_id: str
    item_id: str
    weight: float
    kind: str
    meets: bool
    genre: str | None


class ItemFacts(NamedTuple):
    """What is known of an item and can be told of many together."""

    duration_s: float | None
    language: str | None
    explicit: bool | None
    release_date: str | None
    features: Mapping[str, float | str | None]


class Things(Protocol):
    """Things and their items; of the latter only those that are analysed and not hidden."""

    def find_thing(self, kind: ThingKind, name: str) -> Thing:
        """Return a thing by its id or name, an album also by ``album/artist``.

        Raises ThingUnknown, or InvalidInput where several albums have the name.
        """

    def things_by_id(self, thing_ids: Collection[str]) -> dict[str, Thing]:
        """Return the things of some ids."""

    def things(self, kind: ThingKind, *, after: str | None = None, limit: int = 100) -> list[tuple[Thing, int]]:
        """Return things that have items, with how many, in the order of their keys, from the one behind ``after``."""

    def items_of(
        self,
        thing_ids: Collection[str],
        *,
        kind: Kind | None = None,
        conditions: Sequence[Condition] = (),
        most: int | None = None,
    ) -> list[Membership]:
        """Return the items of some things, of each at most ``most``, in the order of their ids."""

    def item_facts(self, item_ids: Collection[str]) -> dict[str, ItemFacts]:
        """Return what is known of some items, by id."""

    def memberships(
        self, kind: ThingKind, *, after: tuple[str, str] | None = None, limit: int
    ) -> list[tuple[str, str, float]]:
        """Return thing, item and weight of every main item of a kind of thing, in order, hidden items too."""

    def things_having(self, kind: ThingKind, items: Kind, conditions: Sequence[Condition]) -> list[str]:
        """Return the ids of the things of which at least one item of a kind meets every condition."""

    def put_collection(self, collection: Thing, weights: Mapping[str, float]) -> bool:
        """Keep a collection with these items by id in place of what it was; tell whether it is new."""

    def drop_collection(self, collection: Thing) -> None:
        """Forget a collection."""
