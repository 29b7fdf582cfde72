"""The one place that decides how an error looks over HTTP: RFC 9457, with our stable code and a remedy."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from audiofeat import errors, logs
from audiofeat.api.examples import correct_value, nearest
from audiofeat.codes import ErrorCode
from audiofeat.errors import AudiofeatError
from audiofeat.refusals import AccessRefused, KeyInvalid, KeyMissing, RateLimited, ScopeMissing
from audiofeat.space_errors import ThingUnknown
from schemas.problem import InvalidPart, Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 10
_KEPT_BY_NOBODY = {"Cache-Control": "no-store"}
Declared = dict[int | str, dict[str, Any]]

# The nearest ancestor decides. What is not the caller's doing and may pass is 503, also an index that is not there yet.
_STATUS: Mapping[type[BaseException], HTTPStatus] = {
    AudiofeatError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.UsageError: HTTPStatus.UNPROCESSABLE_ENTITY,
    AccessRefused: HTTPStatus.UNAUTHORIZED,
    ScopeMissing: HTTPStatus.FORBIDDEN,
    RateLimited: HTTPStatus.TOO_MANY_REQUESTS,
    errors.KeyUnknown: HTTPStatus.NOT_FOUND,
    errors.ItemUnknown: HTTPStatus.NOT_FOUND,
    errors.JobUnknown: HTTPStatus.NOT_FOUND,
    errors.BatchUnknown: HTTPStatus.NOT_FOUND,
    ThingUnknown: HTTPStatus.NOT_FOUND,
    errors.SourceNotFound: HTTPStatus.NOT_FOUND,
    errors.ObjectMissing: HTTPStatus.NOT_FOUND,
    errors.AccessDenied: HTTPStatus.FORBIDDEN,
    errors.ItemNotAnalysed: HTTPStatus.CONFLICT,
    errors.SpaceMismatch: HTTPStatus.CONFLICT,
    errors.PointerMoved: HTTPStatus.CONFLICT,
    errors.ObjectChanged: HTTPStatus.CONFLICT,
    errors.ObjectTooLarge: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IndexProblem: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.StoreUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CatalogueUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.BrokerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DiskFull: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
}
# What the framework says; the phrases of http.HTTPStatus differ between versions of Python.
_FRAMEWORK_CODES = {404: "not_found", 405: "method_not_allowed", 408: "body_too_slow", 413: "body_too_large"}
_INTERNAL, _TIMED_OUT = "internal_error", "timed_out"
UNAUTHENTICATED = (KeyMissing, KeyInvalid)
# What every operation that needs a key can answer, for whoever asks is looked up in the ledger.
_GUARDED: tuple[type[AudiofeatError], ...] = (*UNAUTHENTICATED, ScopeMissing, RateLimited, errors.CatalogueUnavailable)
_log = logs.get_logger(__name__)


def status_of(error: type[AudiofeatError]) -> int:
    """Return the HTTP status of a class of errors."""
    return next(_STATUS[ancestor] for ancestor in error.__mro__ if ancestor in _STATUS).value


def declared(*classes: type[AudiofeatError], reads_body: bool = False, guarded: bool = True) -> Declared:
    """Return what an operation can answer besides its result, for its OpenAPI description.

    Invalid requests, internal errors and a deadline are always among it; where it is guarded, what befalls whoever may
    not ask.
    """
    codes: dict[int, list[str]] = {500: [_INTERNAL], 503: [_TIMED_OUT]}
    if reads_body:
        codes |= {status: [_FRAMEWORK_CODES[status]] for status in (408, 413)}
    possible: tuple[type[AudiofeatError], ...] = (errors.InvalidInput, *(_GUARDED if guarded else ()), *classes)
    for error in dict.fromkeys(possible):
        codes.setdefault(status_of(error), []).append(error.code.value)
    return {
        status: {"model": Problem, "description": f"Problem: {', '.join(codes[status])}."} for status in sorted(codes)
    }


def example(path: str, status: int, code: str) -> dict[str, Any]:
    """Return what a problem looks like, for the document."""
    known = {error.value: error.remedy for error in ErrorCode}
    return _problem(path, status, code, detail="What is wrong, naming the thing.", remedy=known.get(code)).model_dump()


def problem_of(error: AudiofeatError, *, instance: str) -> Problem:
    """Return an error as the problem that it is."""
    return _problem(instance, status_of(type(error)), error.code, detail=error.message, remedy=error.remedy or None)


def install(app: FastAPI) -> None:
    """Make an app answer every error as a problem."""

    @app.exception_handler(AudiofeatError)
    async def ours(request: Request, error: AudiofeatError) -> Response:
        return response(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        operation = request.scope["route"].name
        parts = [
            InvalidPart(where=_path(part["loc"]), message=part["msg"], example=correct_value(operation, part["loc"]))
            for part in error.errors()
        ]
        detail = "; ".join(f"{part.where}: {part.message}" for part in parts)
        found = [nearest(operation, part["loc"]) for part in error.errors()]
        good = {_path(where): value for where, value in found}
        # Of a name that is not known the whole is shown that it stands in.
        unknown = [part["loc"][:-1] for part in error.errors() if part["type"] == "extra_forbidden"]
        good |= {_path(whole): correct_value(operation, whole) for whole in unknown}
        shown = "; ".join(f"{where}={json.dumps(value)}" for where, value in good.items() if value is not None)
        remedy = f"such as {shown}" if shown else "see /docs"
        return _answer(request, 422, ErrorCode.INVALID_INPUT, detail, remedy=remedy, parts=parts)

    @app.exception_handler(HTTPException)
    async def frameworks(request: Request, error: HTTPException) -> Response:
        if error.status_code == HTTPStatus.BAD_REQUEST:
            # Of a body that cannot be decoded.
            return _answer(request, 422, ErrorCode.INVALID_INPUT, error.detail, remedy="send JSON in UTF-8")
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(_allowed(request) | set(headers.get("Allow", "").split(", ")) - {""}))
        code = _FRAMEWORK_CODES.get(error.status_code, f"http_{error.status_code}")
        return _answer(request, error.status_code, code, error.detail, remedy="see /docs", headers=headers)

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, error: Exception) -> Response:  # noqa: ARG001  the server logs its traceback
        return _answer(
            request, 500, _INTERNAL, "something went wrong that nobody foresaw", remedy="see the server's log"
        )


def _allowed(request: Request) -> set[str]:
    """Return the methods of a path: the framework tells those of one of its routes."""
    paths: Mapping[str, Mapping[str, Any]] = request.app.openapi()["paths"]
    return {
        method.upper()
        for template, methods in paths.items()
        if re.fullmatch(re.sub(r"{\w+}", ".+", template), request.url.path)
        for method in methods
    }


def _path(where: Sequence[int | str]) -> str:
    return ".".join(map(str, where))


def response(request: Request, error: AudiofeatError) -> Response:
    """Return the answer that an error of ours is."""
    status = status_of(type(error))
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("problem_answered", code=error.code, path=request.url.path, problem=error)
    headers = {}
    if isinstance(error, UNAUTHENTICATED):
        headers["WWW-Authenticate"] = 'Bearer realm="audiofeat"'
    if isinstance(error, RateLimited):
        headers = {**error.told, "Retry-After": str(max(1, math.ceil(error.wait_s)))}
    return _answer(request, status, error.code, error.message, remedy=error.remedy, headers=headers)


def timed_out(request: Request, limit_s: float) -> Response:
    """Return the answer to a request that took too long."""
    return _answer(
        request, 503, _TIMED_OUT, f"this took more than {limit_s:g} s", remedy="ask for less, or again in a while"
    )


def _answer(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    remedy: str = "",
    parts: list[InvalidPart] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    problem = _problem(request.url.path, status, code, detail=detail, remedy=remedy or None, parts=parts)
    retry = {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return Response(problem.model_dump_json(), status, {**_KEPT_BY_NOBODY, **(headers or {}), **retry}, MEDIA_TYPE)


def _problem(
    path: str, status: int, code: str, *, detail: str, remedy: str | None, parts: list[InvalidPart] | None = None
) -> Problem:
    return Problem(
        type=f"urn:audiofeat:problem:{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        instance=path,
        code=code,
        remedy=remedy,
        errors=parts or [],
    )
