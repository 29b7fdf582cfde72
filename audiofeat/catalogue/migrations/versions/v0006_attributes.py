"""What lookups filter by stands in one row an item, with indexes."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0007"

_DAY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_TEXTS = (
    "title", "artist", "album", "show", "label", "genre", "language", "licence", "country", "tenant", "isrc", "mbid",
)  # fmt: skip
_SPELLINGS = {"licence": ("license",), "mbid": ("musicbrainz_trackid", "musicbrainz_recordingid")}
_FEATURES = (
    ("rhythm", "tempo_bpm"), ("rhythm", "meter"), ("rhythm", "onset_rate_hz"), ("rhythm", "danceability"),
    ("tonal", "key"), ("tonal", "mode"), ("loudness", "integrated_loudness_lufs"), ("loudness", "loudness_range_lu"),
    ("timbre", "spectral_centroid_hz"), ("instrumentation", "percussive_ratio"), ("instrumentation", "harmonic_ratio"),
    ("speech", "speech_ratio"), ("speech", "music_ratio"), ("mood", "arousal"), ("mood", "valence"),
)  # fmt: skip
_WORDS = frozenset({"tonal_key", "tonal_mode"})
_INDEXED = {
    "artist": "artist", "album": "album", "show": "show", "label": "label", "tenant": "tenant", "isrc": "isrc",
    "mbid": "mbid", "release_date": "release_date", "tempo": "rhythm_tempo_bpm",
}  # fmt: skip
_PAGE = 1_000


def upgrade() -> None:
    """Make the table, and fill it from metadata and analyses, a page of items at a time."""
    features = [f"{group}_{field}" for group, field in _FEATURES]
    attributes = op.create_table(
        "attributes",
        sa.Column("item_id", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text()) for name in _TEXTS),
        sa.Column("explicit", sa.Boolean()),
        sa.Column("release_date", _DAY),
        sa.Column("duration_s", sa.Double()),
        *(sa.Column(name, sa.Text() if name in _WORDS else sa.Double()) for name in features),
        sa.ForeignKeyConstraint(["item_id"], ["items.item_id"], name="attributes_item_id_fkey"),
        sa.PrimaryKeyConstraint("item_id", name="attributes_pkey"),
    )
    connection, after = op.get_bind(), ""
    while rows := _page(connection, after):
        connection.execute(attributes.insert(), rows)
        after = rows[-1]["item_id"]
    for name, column in _INDEXED.items():
        op.create_index(f"attributes_by_{name}", "attributes", [column])


def _page(connection: sa.Connection, after: str) -> list[dict[str, Any]]:
    items = sa.table("items", sa.column("item_id"), sa.column("sha256"))
    audio = sa.table("audio", sa.column("sha256"), sa.column("decoded_s"))
    said = sa.table(
        "metadata_values", sa.column("item_id"), sa.column("field"), sa.column("value", sa.JSON), sa.column("chosen")
    )
    analyses = sa.table(
        "analyses", sa.column("sha256"), sa.column("group"), sa.column("version"), sa.column("values", sa.JSON)
    )
    page = (
        sa.select(items.c.item_id, items.c.sha256, audio.c.decoded_s)
        .join(audio, audio.c.sha256 == items.c.sha256)
        .where(items.c.item_id > after)
        .order_by(items.c.item_id)
        .limit(_PAGE)
    )
    found = connection.execute(page).all()
    ids, hashes = [row.item_id for row in found], {row.sha256 for row in found}
    chosen: dict[str, dict[str, Any]] = {}
    for row in connection.execute(sa.select(said).where(said.c.item_id.in_(ids), said.c.chosen)):
        chosen.setdefault(row.item_id, {})[row.field] = row.value
    measured: dict[str, dict[str, Any]] = {}
    groups = sorted({group for group, _ in _FEATURES})
    query = sa.select(analyses.c.sha256, analyses.c.group, analyses.c["values"])
    query = query.where(analyses.c.sha256.in_(hashes), analyses.c.group.in_(groups)).order_by(analyses.c.version)
    for sha256, group, values in connection.execute(query):
        measured.setdefault(sha256, {})[group] = values
    return [_row(row, chosen.get(row.item_id, {}), measured.get(row.sha256, {})) for row in found]


def _row(item: sa.Row[Any], chosen: dict[str, Any], measured: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"item_id": item.item_id, "duration_s": item.decoded_s}
    row["said"] = json.dumps(dict(sorted(chosen.items())), ensure_ascii=False)
    for name in _TEXTS:
        value = next((chosen[field] for field in (name, *_SPELLINGS.get(name, ())) if field in chosen), None)
        row[name] = None if value is None else str(value).casefold()
    explicit, released = chosen.get("explicit"), chosen.get("release_date")
    row["explicit"] = explicit if isinstance(explicit, bool) else None
    row["release_date"] = released if isinstance(released, str) else None
    for group, field in _FEATURES:
        value = measured.get(group, {}).get(field)
        row[f"{group}_{field}"] = value if value is None or isinstance(value, str) else float(value)
    return row
