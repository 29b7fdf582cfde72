"""Whatever the OpenAPI document allows, and what it does not, is answered as the document says."""

import json
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks as openapi_checks

from audiofeat.api.app import create_app
from audiofeat.bootstrap import Services, load_settings
from audiofeat.domain.keys import Scope
from audiofeat.domain.things import checked_collection
from audiofeat.services import keys
from audiofeat.services.metadata_locks import lock_fields
from audiofeat.storage.s3_connection import S3Connection
from filling import fill

DOCUMENT = json.loads((Path(__file__).parents[2] / "schemas" / "json" / "openapi.json").read_text())
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
CHECKS = [
    not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]
# Names that lead somewhere: what is made up alone would meet little but 404.
KNOWN = {"name": ["trk-1-1", "demo/2-0.wav", "waits.wav", "ana"]}
EXAMPLES = {GenerationMode.POSITIVE: 12, GenerationMode.NEGATIVE: 8}


@pytest.fixture(scope="module")
def header(app: FastAPI) -> dict[str, str]:
    """Return what carries a key that may do everything."""
    services: Services = app.state.services
    _, text = keys.create(services.catalogue, "schemathesis", [Scope.ADMIN])
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, s3_connection: S3Connection) -> FastAPI:
    """Return an app over a filled catalogue."""
    services = Services(
        load_settings(
            home=tmp_path_factory.mktemp("home"),
            api_rate_limit="off",
            s3_endpoint_url=s3_connection.endpoint_url,
            s3_region=s3_connection.region,
            s3_access_key_id=s3_connection.access_key_id,
            s3_secret_access_key=s3_connection.secret_access_key,
        )
    )
    fill(services)
    ana = services.catalogue.find_item("trk-1-1").item_id
    lock_fields(services.catalogue, ana, {"artist": "ana", "album": "ana"}, by="me")
    services.catalogue.put_collection(checked_collection("ana", {ana: 1.0}), {ana: 1.0})
    return create_app(services)


@pytest.mark.parametrize("mode", EXAMPLES, ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{m.upper()} {p}" for p, m in OPERATIONS])
def test_every_answer_is_a_documented_one(
    app: FastAPI, header: dict[str, str], path: str, method: str, mode: GenerationMode
) -> None:
    """No fault of the server; status, media type, headers and body are the document's; the invalid is refused."""
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path][method.upper()]
    # OpenSubsonic's clients are told in the body.
    refuses = [] if path.startswith("/rest/") else [openapi_checks.negative_data_rejection]

    @given(case=operation.as_strategy(generation_mode=mode), place=st.integers(0, 5))
    @settings(
        max_examples=EXAMPLES[mode],
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any, place: int) -> None:
        for name, values in KNOWN.items():
            if mode is GenerationMode.POSITIVE and name in (case.path_parameters or {}) and place < len(values):
                case.path_parameters[name] = values[place]
        case.call_and_validate(headers=header, checks=CHECKS + refuses)

    try:
        ask()
    except Unsatisfiable:
        # Nothing about this operation can be made invalid.
        assert mode is GenerationMode.NEGATIVE


def test_a_method_that_is_not_there_is_said_so(app: FastAPI, header: dict[str, str]) -> None:
    """405 with what is allowed, on every path."""
    http = TestClient(app)
    for path, methods in DOCUMENT["paths"].items():
        if not path.startswith("/rest/"):
            place = path.replace("{things}", "artists").replace("{", "").replace("}", "")
            other = next(method for method in ("DELETE", "PATCH", "PUT") if method.lower() not in methods)
            answer = http.request(other, place, headers=header)
            assert answer.status_code == 405, path
            assert {method.upper() for method in methods} <= set(answer.headers["allow"].split(", ")), path
