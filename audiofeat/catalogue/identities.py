"""Which item a registration belongs to, by the rules of identity.

The catalogue's own reference decides where there is one, else the place of the object. A reference that is learnt
for an item registered without one becomes its alias, and the item keeps its id.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from audiofeat.catalogue.object_schema import objects
from audiofeat.catalogue.schema import aliases, items
from audiofeat.domain.items import item_id
from audiofeat.domain.jobs import Registration


class Identities:
    """The items that a batch of registrations touches, kept up to date while the batch adds to them.

    Attributes
    ----------
    learnt : dict of str to str
        Aliases found on the way: reference to item id.
    """

    def __init__(self, connection: Connection, registrations: Sequence[Registration]) -> None:
        self.learnt: dict[str, str] = {}
        self._by_reference = _by_reference(connection, {r.reference for r in registrations if r.reference})
        self._by_place = _by_place(connection, {r.audio.key for r in registrations})
        self._nameless = _nameless(connection, set(self._by_place.values()))

    def resolve(self, registration: Registration) -> tuple[str, bool]:
        """Return the item's id, and whether the item is new."""
        reference, place = registration.reference, (registration.audio.store, registration.audio.key)
        if reference and reference in self._by_reference:
            found = self._by_reference[reference]
            self._by_place[place] = found
            return found, False
        at_place = self._by_place.get(place)
        if at_place is not None and (not reference or at_place in self._nameless):
            self.learn(reference, at_place)
            return at_place, False
        created = item_id(reference=reference, store=place[0], key=place[1])
        self._by_place[place] = created
        if reference:
            self._by_reference[reference] = created
        else:
            self._nameless.add(created)
        return created, True

    def learn(self, reference: str | None, named: str) -> None:
        """Make a reference that is still free the alias of an item that has none."""
        if reference and reference not in self._by_reference and named in self._nameless:
            self.learnt[reference] = self._by_reference[reference] = named
            self._nameless.discard(named)


def _by_reference(connection: Connection, references: set[str]) -> dict[str, str]:
    own = select(items.c.reference, items.c.item_id).where(items.c.reference.in_(references))
    learnt = select(aliases.c.alias, aliases.c.item_id).where(aliases.c.alias.in_(references))
    return {reference: named for query in (learnt, own) for reference, named in connection.execute(query)}


def _by_place(connection: Connection, keys: set[str]) -> dict[tuple[str, str], str]:
    # Objects rather than items: an item moves on with its newest object, and its former places stay its own.
    query = select(objects.c.store, objects.c.key, objects.c.item_id).where(objects.c.key.in_(keys))
    known = query.where(objects.c.item_id.is_not(None))
    return {(store, key): named for store, key, named in connection.execute(known)}


def _nameless(connection: Connection, item_ids: set[str]) -> set[str]:
    has_alias = select(aliases.c.item_id).where(aliases.c.item_id == items.c.item_id).exists()
    query = select(items.c.item_id).where(items.c.item_id.in_(item_ids), items.c.reference.is_(None), ~has_alias)
    return set(connection.scalars(query))
