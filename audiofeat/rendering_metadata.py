"""From merged metadata to the wire format, with the provenance of each value."""

from datetime import UTC, datetime

from audiofeat.domain.jobs import MetadataValue
from audiofeat.domain.merging import LOCKED, conflicts
from audiofeat.ports import ItemView
from schemas.items import ItemName
from schemas.metadata import ItemMetadata, ProvenValue


def metadata_value(value: MetadataValue) -> ProvenValue:
    """Render a value with its provenance."""
    return ProvenValue(
        field=value.field,
        value=value.value,
        source=value.source,
        chosen=value.chosen,
        record=value.record_id or None,
        fetched_at=datetime.fromtimestamp(value.fetched_at, tz=UTC) if value.fetched_at else None,
        licence=value.licence,
        rule=value.rule,
        confidence=value.confidence,
    )


def item_metadata(view: ItemView, said: list[MetadataValue], *, provenance: bool) -> ItemMetadata:
    """Render the metadata of an item, with every value that any source gave where that is asked for."""
    return ItemMetadata(
        item=ItemName(id=view.item_id, reference=view.reference, key=view.key),
        metadata={value.field: value.value for value in said if value.chosen},
        locked=[value.field for value in said if value.rule == LOCKED],
        conflicts=sorted(conflicts(said)),
        values=[metadata_value(value) for value in said] if provenance else None,
    )
