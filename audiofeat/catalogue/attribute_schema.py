"""The table by which lookups filter: one row an analysed item, written with its metadata and its features."""

from sqlalchemy import BigInteger, Boolean, Column, Double, ForeignKey, Index, Table, Text

from audiofeat.catalogue.change_numbers import NextChange
from audiofeat.catalogue.schema import metadata
from audiofeat.domain.attributes import ATTRIBUTES, TEXTS, USUAL_FEATURES, Sort

# Days are text that sorts; a database's own order of letters and signs would not.
_DAY = Text().with_variant(Text(collation="C"), "postgresql")

attributes = Table(
    "attributes",
    metadata,
    Column("item_id", Text, ForeignKey("items.item_id"), primary_key=True),
    # The chosen metadata as JSON text, read for the lines of an answer only.
    Column("said", Text, nullable=False),
    # Digest of the merge policy by which it was chosen.
    Column("policy", Text),
    # By which readers find what was written since they looked.
    Column("change", BigInteger, nullable=False, default=NextChange(), server_default="0"),
    *(Column(name, Text) for name in TEXTS),
    Column("explicit", Boolean),
    Column("release_date", _DAY),
    Column("duration_s", Double),
    *(
        Column(ATTRIBUTES[path].column, Text if ATTRIBUTES[path].sort is Sort.WORD else Double)
        for path in USUAL_FEATURES
    ),
    Index("attributes_by_policy", "policy", "item_id"),
    Index("attributes_by_change", "change"),
    Index("attributes_by_artist", "artist"),
    Index("attributes_by_album", "album"),
    Index("attributes_by_show", "show"),
    Index("attributes_by_label", "label"),
    Index("attributes_by_tenant", "tenant"),
    Index("attributes_by_isrc", "isrc"),
    Index("attributes_by_mbid", "mbid"),
    Index("attributes_by_release_date", "release_date"),
    Index("attributes_by_tempo", "rhythm_tempo_bpm"),
)
