"""A person's word on fields of an item."""

from collections.abc import Mapping

from audiofeat.domain.metadata_fields import field_name, read_value
from audiofeat.errors import InvalidInput
from audiofeat.ports import Catalogue

_MOST_LOCKS = 50


def lock_fields(catalogue: Catalogue, item_id: str, words: Mapping[str, object], *, by: str) -> None:
    """Lock fields to values, or leave them to the sources again where the value is None; all of them or none.

    Raises
    ------
    InvalidInput
        A value is not of its field's form, or there are too many.
    """
    if len(words) > _MOST_LOCKS:
        raise InvalidInput(f"{len(words)} locks at a time", f"give at most {_MOST_LOCKS}")
    checked = {}
    for name, raw in words.items():
        value, problem = read_value(field_name(name), raw)
        if problem or not field_name(name) or (value is None and raw is not None):
            raise InvalidInput(f"{name} cannot be locked to {raw!r}: {problem or 'it is empty'}")
        checked[field_name(name)] = value
    catalogue.lock_fields(item_id, checked, by=by)
