"""What sources say of items: records and the items they are about, people's words, and the policy of the merge."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from audiofeat.domain.jobs import MetadataValue
from audiofeat.domain.merge_policy import Policy
from audiofeat.domain.metadata_fields import Value
from audiofeat.domain.source_records import Match, SourceRecord


@dataclass(frozen=True, slots=True)
class Described:
    """An item by what is said of it, as records are matched with it and claims are held against its audio.

    Parameters
    ----------
    said : mapping
        The chosen value of each field.
    measured : mapping
        ``duration_s``, and features by their paths; what is not known is left out.
    """

    item_id: str
    reference: str | None
    key: str
    said: Mapping[str, Any]
    measured: Mapping[str, Any]


class Metadata(Protocol):
    """Records as received, and what they come to."""

    def metadata_values(self, item_id: str) -> list[MetadataValue]:
        """Return every value that any source gave, with its provenance, chosen or not."""

    def keep_matches(self, matches: Sequence[Match]) -> int:
        """Keep records with their items, and merge those items anew; return how many items that were.

        A record that a source gives again takes the place of what it said before; what a person decided about a record
        and an item stands.
        """

    def carriers(self, keys: Collection[str], *, most: int) -> dict[str, list[str]]:
        """Return the ids of the items that are found by each key, but for keys of more than ``most`` items."""

    def described(self, item_ids: Collection[str]) -> dict[str, Described]:
        """Return items by what is said of them."""

    def described_after(self, after: str, *, limit: int) -> list[Described]:
        """Return items that something is said of, in the order of their ids, from the one behind ``after``."""

    def lock_fields(self, item_id: str, words: Mapping[str, Value | None], *, by: str) -> None:
        """Set a person's word on fields, over all sources, and merge; None takes it away again."""

    def merge_policy(self) -> Policy:
        """Return the policy in force."""

    def put_policy(self, policy: Policy) -> None:
        """Merge by this policy from now on; what was merged before waits for :meth:`remerge_page`."""

    def remerge_page(self, *, limit: int) -> int:
        """Merge anew some items that were merged under another policy; return how many. Fetches nothing."""

    def waiting_matches(self, *, after: tuple[str, str, str] | None = None, limit: int = 100) -> list[Match]:
        """Return matches that a person has to decide about, by source, record and item."""

    def decide_match(self, source: str, record_id: str, item_id: str, *, accept: bool) -> bool:
        """Say whether a record is about an item, and merge; False where no such match is known.

        What is accepted of a record refuses its other waiting matches.
        """

    def records_without_item(self, *, after: tuple[str, str] | None = None, limit: int = 500) -> list[SourceRecord]:
        """Return records of which no item was found, by source and name, from the one behind ``after``."""

    def record_sources(self) -> list[tuple[str, str | None, int]]:
        """Return each source with its licence and the number of its records."""

    def forget_records(self, *, source: str | None = None, licence: str | None = None, limit: int = 1_000) -> int:
        """Remove some records of a source, or under a licence, and merge their items anew; return how many."""
