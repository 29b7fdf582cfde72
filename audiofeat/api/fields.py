"""The registry: what an analysis contains."""

from fastapi import APIRouter

from audiofeat.api.problems import declared
from audiofeat.domain import registry
from audiofeat.domain.field import Field as RegistryField
from schemas.fields import Field, FieldList

router = APIRouter(tags=["fields"])


@router.get("/fields", responses=declared())
def list_fields() -> FieldList:
    """List every public field of an analysis: unit, range, definition and how far to trust it."""
    return FieldList(fields=[_render(field) for field in registry.PUBLIC_FIELDS])


def _render(field: RegistryField) -> Field:
    return Field(
        path=field.path,
        group=field.group,
        name=field.name,
        version=registry.GROUP_VERSIONS[field.group],
        unit=field.unit,
        low=field.low,
        high=field.high,
        scope=field.scope.value,
        shape=field.shape.value,
        definition=field.definition,
        source=field.source,
    )
