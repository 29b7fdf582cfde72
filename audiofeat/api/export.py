"""``python -m audiofeat.api.export``: write the JSON schemas and the OpenAPI document that others build on."""

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain import registry
from audiofeat.domain.field import Field, Shape
from audiofeat.domain.quality import Flag, Reason
from schemas.manifest import Manifest
from schemas.messages import IngestRequest
from schemas.problem import Problem
from schemas.records import AnalysisRecord

FOLDER = Path("schemas/json")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents(openapi: dict[str, Any]) -> dict[str, str]:
    """Return the text of each published document by file name; the same models give the same bytes.

    Parameters
    ----------
    openapi : dict
        The app's own document.
    """
    schemas = {
        "ingest-request": _schema(IngestRequest),
        "analysis-record": record_schema(),
        "manifest": _schema(Manifest),
        "problem": _schema(Problem),
    }
    named = {f"{name}.schema.json": schema for name, schema in schemas.items()} | {"openapi.json": openapi}
    return {name: json.dumps(body, indent=2, ensure_ascii=False) + "\n" for name, body in named.items()}


def record_schema() -> dict[str, Any]:
    """Return the schema of an analysis record with every public field of the registry in it."""
    schema = _schema(AnalysisRecord)
    parts = schema["properties"]
    groups = dict.fromkeys(field.group for field in registry.PUBLIC_FIELDS)
    parts["features"] = {
        "type": "object",
        "description": "Values by group and field; empty where the record is rejected.",
        "properties": {group: _group_schema(group) for group in groups},
    }
    parts["flags"]["items"] = {"enum": [flag.value for flag in Flag]}
    parts["reasons"]["additionalProperties"] = {"enum": [reason.value for reason in Reason]}
    return schema


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **model.model_json_schema()}


def _group_schema(group: str) -> dict[str, Any]:
    fields = [field for field in registry.PUBLIC_FIELDS if field.group == group]
    return {
        "type": "object",
        "description": f"Version {registry.GROUP_VERSIONS[group]}.",
        "required": [field.name for field in fields],
        "properties": {field.name: _field_schema(field) for field in fields},
    }


def _field_schema(field: Field) -> dict[str, Any]:
    bounds = {name: bound for name, bound in (("minimum", field.low), ("maximum", field.high)) if bound is not None}
    wordy = field.shape in {Shape.TEXT, Shape.LABELS}
    schema: dict[str, Any] = {"type": "string"} if wordy else {"type": "number", **bounds}
    for _ in range(field.depth):
        schema = {"type": "array", "items": schema}
    schema["type"] = [schema["type"], "null"]
    return {**schema, "description": field.definition, "x-unit": field.unit, "x-scope": field.scope.value}


def main(folder: Path = FOLDER) -> None:
    """Write every document into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents(create_app(Services(load_settings())).openapi()).items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
