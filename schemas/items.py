"""Items of the catalogue over HTTP: what they are, what is said of them, and what was measured."""

from pydantic import Field

from schemas.records import AudioFacts, Features, Reasons
from schemas.wire import Kind, Sha256, State, Value, Wire


class ItemName(Wire):
    """What an item is called."""

    id: str
    reference: str | None = Field(description="The catalogue's own id of it, where one is known.")
    key: str = Field(description="The key of its audio in its store.")


class Item(ItemName):
    """An item as the catalogue knows it now."""

    kind: Kind | None = Field(description="Null until metadata or an analysis tells it.")
    kind_source: str | None
    store: str
    state: State
    sha256: Sha256 | None = Field(description="Of its analysed audio; null until there is one.")
    flags: list[str]
    metadata: dict[str, Value] = Field(description="The chosen value of each field.")


class ItemPage(Wire):
    """Items in the order of their ids."""

    items: list[Item]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one.")


class MetadataValue(Wire):
    """What one source says of one field."""

    field: str
    value: Value
    source: str
    chosen: bool


class ItemDetail(Item):
    """An item with its audio and everything that any source says of it."""

    audio: AudioFacts | None = Field(description="Null until it is analysed.")
    metadata_values: list[MetadataValue] = Field(description="Chosen or not, by field.")


class FeatureSet(Wire):
    """What was measured of an item's audio; a value is never missing without a word."""

    item: ItemName
    sha256: Sha256
    state: State
    flags: list[str]
    features: Features = Field(description="Values by group and field.")
    reasons: Reasons = Field(description="Why a value is null, by `group.field`.")
    versions: dict[str, int] = Field(description="Version of each group: equal versions are comparable.")
    curves_left_out: list[str] = Field(description="Fields that only `curves=true` returns.")
