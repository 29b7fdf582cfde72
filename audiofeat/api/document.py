"""The OpenAPI document: what the framework makes of the code, and what it cannot know."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from audiofeat.api.access import SCOPES
from audiofeat.api.caching import policy_of
from audiofeat.api.examples import examples
from audiofeat.api.problems import MEDIA_TYPE, example

_KEY = {
    "type": "http",
    "scheme": "bearer",
    "description": "A key of `audiofeat keys create`, with the scope that the operation names; `admin` includes the "
    "others. Where the API listens on loopback and no key was ever made, this machine needs none.",
}
_SUBSONIC = {
    "type": "apiKey",
    "in": "query",
    "name": "apiKey",
    "description": "The same keys, as the extension `apiKeyAuthentication` of OpenSubsonic has them sent.",
}
_ETAG = {"description": "Changes with the answer.", "schema": {"type": "string"}}
_CACHED = {"description": "How the answer may be kept.", "schema": {"type": "string"}}
_RETRY = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
_IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "`ETag` of an answer that is at hand; where it has not changed the answer is 304.",
    "schema": {"type": "string"},
}


def complete(document: dict[str, Any]) -> None:
    """Add scopes, validators, media types of problems, headers and examples to a document of the app."""
    document.setdefault("components", {})["securitySchemes"] = {"key": _KEY, "subsonic": _SUBSONIC}
    for path, method, operation in operations(document):
        scope = SCOPES[operation["operationId"]]
        if scope is not None:
            operation["security"] = [{"subsonic" if _is_subsonic(path) else "key": [scope.value]}]
        for status, answer in operation["responses"].items():
            if answer["description"].startswith("Problem: "):
                _as_problem(path, int(status), answer)
        if method == "get" and policy_of(path) != "no-store" and not _is_subsonic(path):
            operation["responses"]["200"].setdefault("headers", {}).update({"ETag": _ETAG, "Cache-Control": _CACHED})
            operation["responses"]["304"] = {
                "description": "As it was: see `If-None-Match`.",
                "headers": {"ETag": _ETAG},
            }
            operation.setdefault("parameters", []).append(_IF_NONE_MATCH)
        _exemplify(operation, examples().get(operation["operationId"], {}))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation of each operation of a document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _is_subsonic(path: str) -> bool:
    return path.startswith("/rest/")


def _as_problem(path: str, status: int, answer: dict[str, Any]) -> None:
    code = answer["description"].removeprefix("Problem: ").rstrip(".").split(", ")[0]
    schema = answer["content"]["application/json"]["schema"]
    answer["content"] = {MEDIA_TYPE: {"schema": schema, "example": example(path, status, code)}}
    if status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        answer["headers"] = {"Retry-After": _RETRY}


def _exemplify(operation: dict[str, Any], recorded: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in recorded.get("parameters", {}):
            parameter["example"] = recorded["parameters"][parameter["name"]]
    if "request" in recorded:
        operation["requestBody"]["content"]["application/json"]["example"] = recorded["request"]
    if "answer" in recorded:
        status = next(status for status in operation["responses"] if int(status) < HTTPStatus.MULTIPLE_CHOICES)
        content = operation["responses"][status]["content"]
        media = content.get("application/json") or next(iter(content.values()))
        media["example"] = recorded["answer"]
