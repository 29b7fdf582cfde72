"""OpenSubsonic's extension ``sonicSimilarity``, for players that know it: what sounds like a song of the catalogue.

Its own conventions hold here: every answer has status 200 and says in its body whether it is ok, the key is the
parameter ``apiKey``, and parameters that are not known are passed over, since clients send many.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from audiofeat import __version__
from audiofeat.api import access, problems
from audiofeat.api.access import Admission, Caller
from audiofeat.api.subsonic_wire import sent, similarity, song
from audiofeat.bootstrap import Services
from audiofeat.domain import keys
from audiofeat.domain.journeys import LEAST_LENGTH, MOST_LENGTH
from audiofeat.domain.lookups import Rules
from audiofeat.errors import AudiofeatError, InvalidInput, ItemNotAnalysed, ItemUnknown
from audiofeat.refusals import KeyInvalid, KeyMissing, RateLimited, ScopeMissing
from audiofeat.services import lookup
from audiofeat.services.journeys import Journey, Route, journey
from schemas import subsonic

router = APIRouter(prefix="/rest", tags=["OpenSubsonic"])
EXTENSIONS = {"apiKeyAuthentication": [1], "formPost": [1], "sonicSimilarity": [1]}
_GENERIC, _MISSING, _CLIENT_TOO_OLD, _SERVER_TOO_OLD = 0, 10, 20, 30
_NO_TOKENS, _NO_PASSWORDS, _CONFLICT, _BAD_KEY, _NOT_ALLOWED, _NOT_FOUND = 41, 42, 43, 44, 50, 70
_CODES: Mapping[type[AudiofeatError], int] = {
    KeyMissing: _MISSING,
    KeyInvalid: _BAD_KEY,
    ScopeMissing: _NOT_ALLOWED,
    ItemUnknown: _NOT_FOUND,
    ItemNotAnalysed: _NOT_FOUND,
}
_MOST_FORM_BYTES = 100_000
_SIMILAR, _PATH = 10, 25
_SHORTER = (15, 10, 7, 5, 4, 3)
_AS_XML = {
    "schema": {"type": "string"},
    "example": '<subsonic-response xmlns="http://subsonic.org/restapi" status="failed" version="1.16.1" '
    'type="audiofeat" openSubsonic="true"><error code="70" message="there is no item \'tr-1\'"/></subsonic-response>',
}
_ANSWER: problems.Declared = {
    200: {
        "model": subsonic.SubsonicResponse,
        "description": "Also where it failed: `status` tells.",
        "content": {"application/xml": _AS_XML},
    },
    429: {
        "model": subsonic.SubsonicResponse,
        "description": "Too many requests.",
        "content": {"application/xml": _AS_XML},
    },
    **{status: said for status, said in problems.declared(guarded=False).items() if status in {500, 503}},
}
_COMMON = {
    "f": "`xml` or `json`: form of the answer; by default `xml`.",
    "v": "Version of the protocol that the client speaks.",
    "c": "Name of the client.",
}


class Failure(Exception):
    """What is answered as failed.

    Parameters
    ----------
    code : int
        Subsonic's.
    message : str
        What is wrong.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: its parameters, of the query and of a form alike, and the services that can answer it."""

    services: Services
    given: Mapping[str, str]
    caller: Caller = field(default=Caller(None))

    def text(self, name: str) -> str:
        """Return a parameter that has to be there."""
        if not self.given.get(name):
            raise Failure(_MISSING, f"the parameter {name!r} is missing")
        return self.given[name]

    def count(self, default: int) -> int:
        """Return how many are asked for."""
        count = self.given.get("count", str(default))
        if not count.isascii() or not count.isdecimal() or not 1 <= int(count) <= lookup.MOST_NEIGHBOURS:
            raise Failure(_GENERIC, f"count has to be a whole number from 1 to {lookup.MOST_NEIGHBOURS}")
        return int(count)


Answer = Callable[[Asked], dict[str, Any]]


async def _answered(request: Request, answer: Answer, *, scope: keys.Scope | None = access.READ) -> Response:
    """Admit a request, have it answered, and put everything that happens into the form of the protocol."""
    given, as_json, status, headers = dict(request.query_params), False, 200, dict[str, str]()
    services: Services = request.app.state.services
    try:
        if request.method == "POST":
            given |= await _form(request)
        as_json = given.get("f", "xml") == "json"
        _check(given)
        caller = Caller(None)
        if scope is not None:
            admission: Admission = request.app.state.admission
            caller = await admission.admit(request.scope, given.get("apiKey"))
            caller.require(scope)
            headers = caller.allowance.headers if caller.allowance else {}
        body = await run_in_threadpool(answer, Asked(services, given, caller))
    except Failure as failure:
        body = {"error": _error(request, failure.code, failure.message)}
    except AudiofeatError as error:
        if isinstance(error, RateLimited):
            # The one case that a client's HTTP library should see.
            refused = problems.response(request, error)
            status, headers = refused.status_code, {"Retry-After": refused.headers["Retry-After"]}
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), _GENERIC)
        body = {"error": _error(request, code, error.message)}
    whole = subsonic.Body.model_validate(
        {"status": "failed" if "error" in body else "ok", "server_version": __version__, **body}
    )
    return sent(whole, as_json=as_json, status=status, headers={"Cache-Control": "no-store", **headers})


async def _form(request: Request) -> dict[str, str]:
    body = await request.body()
    if len(body) > _MOST_FORM_BYTES:
        raise Failure(_GENERIC, f"a form has at most {_MOST_FORM_BYTES:,} bytes")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


def _check(given: Mapping[str, str]) -> None:
    """Raise Failure for a form, a version or credentials that are not served."""
    if given.get("f", "xml") not in {"xml", "json"}:
        raise Failure(_GENERIC, "f has to be xml or json")
    version = given.get("v", subsonic.API_VERSION).split(".")
    if not all(part.isascii() and part.isdecimal() for part in version):
        raise Failure(_GENERIC, f"v has to be a version such as {subsonic.API_VERSION}")
    numbers = [int(part[:9]) for part in version]
    if numbers[0] < 1:
        raise Failure(_CLIENT_TOO_OLD, f"this speaks version {subsonic.API_VERSION}")
    if numbers[:2] > [1, 16]:
        raise Failure(_SERVER_TOO_OLD, f"this speaks version {subsonic.API_VERSION}")
    if "apiKey" in given and given.keys() & {"u", "p", "t", "s"}:
        raise Failure(_CONFLICT, "give apiKey alone, without u, p, t and s")
    if given.keys() & {"t", "s"}:
        raise Failure(_NO_TOKENS, "tokens are not supported: use apiKey")
    if "p" in given:
        raise Failure(_NO_PASSWORDS, "passwords are not supported: use apiKey")


def _error(request: Request, code: int, message: str) -> dict[str, Any]:
    help_url = f"{request.base_url}docs" if code in {_NO_TOKENS, _NO_PASSWORDS, _BAD_KEY} else None
    return {"code": code, "message": message, "help_url": help_url}


def _extensions(_asked: Asked) -> dict[str, Any]:
    return {"open_subsonic_extensions": [{"name": name, "versions": v} for name, v in EXTENSIONS.items()]}


def _token(asked: Asked) -> dict[str, Any]:
    return {"token_info": {"username": asked.caller.key.name if asked.caller.key else "this machine"}}


def _similar(asked: Asked) -> dict[str, Any]:
    catalogue, rules = asked.services.catalogue, Rules(k=asked.count(_SIMILAR))
    found = lookup.neighbours(asked.text("id"), catalogue=catalogue, indexes=asked.services.indexes, rules=rules)
    views = catalogue.items_by_id([line.item.item_id for line in found.neighbours])
    return {
        "sonic_match": [
            {"entry": song(views[line.item.item_id]), "similarity": similarity(line.distance or 0.0)}
            for line in found.neighbours
            if line.item.item_id in views
        ]
    }


def _path(asked: Asked) -> dict[str, Any]:
    start, end, most = asked.text("startSongId"), asked.text("endSongId"), asked.count(_PATH)
    if most < LEAST_LENGTH:
        raise Failure(_GENERIC, f"count has to be at least {LEAST_LENGTH}: start, end, and a song between")
    catalogue = asked.services.catalogue
    found = _longest(start, end, min(most, MOST_LENGTH), asked.services)
    views = catalogue.items_by_id([step.item.item_id for step in found.steps])
    return {
        "sonic_match": [
            {"entry": song(views[step.item.item_id]), "similarity": similarity(step.to_start)}
            for step in found.steps
            if step.item.item_id in views
        ]
    }


def _longest(start: str, end: str, most: int, services: Services) -> Journey:
    """Return a way of so many songs, or of fewer where the catalogue has none that long; raises InvalidInput."""
    *lengths, least = [most, *(length for length in _SHORTER if length < most)]
    for length in lengths:
        with suppress(InvalidInput):
            return journey(start, end, Route(length), catalogue=services.catalogue, indexes=services.indexes)
    return journey(start, end, Route(least), catalogue=services.catalogue, indexes=services.indexes)


def _served(
    name: str, parameters: Mapping[str, str] | None = None, *, required: tuple[str, ...] = ()
) -> Callable[[Any], Any]:
    """Serve an endpoint under both of its names and by both methods; the document shows it once."""
    documented = {
        "parameters": [
            {
                "name": each,
                "in": "query",
                "required": each in required,
                "description": said,
                "schema": {"type": "string"},
            }
            for each, said in {**(parameters or {}), **_COMMON}.items()
        ]
    }

    def decorate(endpoint: Callable[..., Any]) -> Callable[..., Any]:
        router.get(f"/{name}", responses=_ANSWER, response_class=Response, openapi_extra=documented)(endpoint)
        router.post(f"/{name}", include_in_schema=False)(endpoint)
        router.api_route(f"/{name}.view", methods=["GET", "POST"], include_in_schema=False)(endpoint)
        return endpoint

    return decorate


@_served("ping")
async def subsonic_ping(request: Request) -> Response:
    """Answer, where the key is good."""
    return await _answered(request, lambda _: {})


@_served("getOpenSubsonicExtensions")
async def subsonic_extensions(request: Request) -> Response:
    """List the extensions of OpenSubsonic that are served; needs no key."""
    return await _answered(request, _extensions, scope=None)


@_served("tokenInfo")
async def subsonic_token(request: Request) -> Response:
    """Return the name of the key."""
    return await _answered(request, _token)


@_served(
    "getSonicSimilarTracks",
    {"id": "A song, by its id or any other of its names.", "count": "How many at most; by default 10."},
    required=("id",),
)
async def subsonic_similar_tracks(request: Request) -> Response:
    """Return what sounds most like a song, nearest first."""
    return await _answered(request, _similar)


@_served(
    "findSonicPath",
    {
        "startSongId": "The song to begin with, by its id or any other of its names.",
        "endSongId": "The song to end with.",
        "count": "How many songs at most, both included; by default 25.",
    },
    required=("startSongId", "endSongId"),
)
async def subsonic_path(request: Request) -> Response:
    """Return songs that lead from one to another by small steps, both included; similarity is that to the first."""
    return await _answered(request, _path)
