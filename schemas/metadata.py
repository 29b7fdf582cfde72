"""What is said of items over HTTP, with the provenance of each value."""

from datetime import datetime

from pydantic import Field

from schemas.items import ItemName, MetadataValue
from schemas.wire import Value, Wire


class ProvenValue(MetadataValue):
    """What one source says of one field, and where that comes from."""

    record: str | None = Field(description="The source's own name of the record; null for what came without one.")
    fetched_at: datetime | None = Field(description="When the source said it; null for what was measured.")
    licence: str | None = Field(description="Under which the source gives it; null where it names none.")
    rule: str = Field(description="By which the field was merged; `lock` for a person's word, `invalid` if not usable.")
    confidence: float = Field(ge=0, le=1, description="How sure it is that the record is about the item.")


class ItemMetadata(Wire):
    """The merged metadata of an item."""

    item: ItemName
    metadata: dict[str, Value] = Field(description="The chosen value of each field.")
    locked: list[str] = Field(description="Fields that a person has fixed.")
    conflicts: list[str] = Field(description="Fields on which valid values differ, without regard to case.")
    values: list[ProvenValue] | None = Field(description="Every value, by field; null unless `provenance=true`.")


class MetadataLocks(Wire):
    """Values that people fix, over all sources."""

    locks: dict[str, Value | None] = Field(description="By field; null leaves the field to the sources again.")
    by: str = Field(min_length=1, max_length=100, description="Whose word it is.")
