"""The OpenAPI document is complete: every operation says what it does, who may, and how it looks."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from audiofeat.api import document
from audiofeat.api.examples import correct_value, examples, nearest
from audiofeat.api.problems import MEDIA_TYPE

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "schemas" / "json" / "openapi.json").read_text())
OPERATIONS = [pytest.param(path, each, id=each["operationId"]) for path, _, each in document.operations(DOCUMENT)]


def faults(schema: dict[str, Any], example: object) -> list[str]:
    """Return what an example breaks of a schema of the document."""
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [error.message for error in validator.iter_errors(example)]


def test_it_is_of_version_3_1() -> None:
    """And no operation is recorded that is not there."""
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert set(examples()) == {each.values[1]["operationId"] for each in OPERATIONS}


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_an_operation_is_complete(path: str, operation: dict[str, Any]) -> None:
    """A sentence, a tag, described parameters, an example of each body, problems for what may befall anybody."""
    assert operation["description"].endswith((".", "`"))
    assert operation["tags"]
    for parameter in operation.get("parameters", ()):
        assert parameter.get("description") or "{" + parameter["name"] in path, parameter
    for kind, media in operation.get("requestBody", {"content": {}})["content"].items():
        assert kind != "application/json" or not faults(media["schema"], media["example"])
    good = [answer for status, answer in operation["responses"].items() if status in {"200", "201", "202"}]
    assert good
    for answer in good:
        for kind, media in answer["content"].items():
            assert kind != "application/json" or not faults(media["schema"], media["example"])
        assert any("example" in media for media in answer["content"].values())
    assert {"500", "503"} <= set(operation["responses"])
    if operation.get("security", [{}])[0].get("key"):
        assert {"401", "403", "422", "429"} <= set(operation["responses"])


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_problems_look_like_problems(path: str, operation: dict[str, Any]) -> None:
    """Every other status is a problem document with an example that is one."""
    for status, answer in operation["responses"].items():
        if int(status) >= 400 and not (path.startswith("/rest/") and status == "429"):
            [(kind, media)] = answer["content"].items()
            assert kind == MEDIA_TYPE
            assert media["example"]["status"] == int(status)
            assert not faults(media["schema"], media["example"])


@pytest.mark.parametrize(("path", "operation"), OPERATIONS)
def test_examples_of_parameters_are_good_ones(path: str, operation: dict[str, Any]) -> None:
    """A reader can send them."""
    for parameter in operation.get("parameters", ()):
        if "example" in parameter:
            assert not faults(parameter["schema"], parameter["example"]), (path, parameter["name"])


def test_whoever_sent_something_else_is_told_a_correct_value() -> None:
    """A parameter, a part of a body, the whole body; nothing where nothing is known."""
    assert correct_value("read_neighbours", ("query", "k")) == 1
    assert correct_value("create_ingestion", ("body", "lane")) == "cold"
    assert correct_value("create_ingestion", ("body", "metadata", "title")) == "Evening"
    assert correct_value("receive_events", ("body", "Records", 3, "eventName")) == "ObjectCreated:Put"
    for where in (("query", "none"), ("body", "lane", "x"), ("header", "x"), ("query", "k", 1)):
        assert correct_value("read_neighbours", where) is None
    assert correct_value("none", ("query", "k")) is None


def test_where_no_value_is_recorded_another_form_is_told() -> None:
    """The same part of another request, such as a store; else the smallest part around it of which one is."""
    store = ("body", "seeds", 0, "object", "store")
    assert nearest("search_neighbours", store) == (store, correct_value("create_ingestion", ("body", "store")))
    assert nearest("search_neighbours", ("body", "about")) == (("body",), correct_value("search_neighbours", ("body",)))
    assert nearest("none", ("query", "k")) == (("query", "k"), None)
