"""Settings: read once, from ``AUDIOFEAT_*`` environment variables, by ``bootstrap`` and nobody else."""

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from audiofeat.domain.quality import DEFAULT_MAX_DURATION_S
from audiofeat.errors import SettingsInvalid

PREFIX = "AUDIOFEAT_"
_GIB = 2**30
_PASSWORD = re.compile(r"[^:]+://[^:@/]*:([^/]+)@")
_EMBEDDED_PACE = {"lease_s": 8.0, "heartbeat_s": 2.0, "reconcile_s": 1.0}
_DISTRIBUTED_PACE = {"lease_s": 45.0, "heartbeat_s": 15.0, "reconcile_s": 5.0}


class Settings(BaseSettings):
    """What one installation of audiofeat may choose.

    Without any variable set it is the embedded size: everything under ``home``, one machine, no server. A
    ``broker_url`` makes it the distributed size, with slower defaults for lease, heartbeat and reconciler.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True)

    home: Path = Field(default=Path(".audiofeat"), validate_default=True, description="Folder of all local state.")
    # URLs may carry a password, hence repr=False.
    database_url: str | None = Field(default=None, repr=False, description="SQLAlchemy URL; unset: SQLite under home.")
    broker_url: str | None = Field(
        default=None,
        repr=False,
        pattern=r"^(redis|rediss|redis\+socket|amqp|amqps|pyamqp)://",
        description="Unset: embedded.",
    )

    s3_endpoint_url: str | None = Field(default=None, description="For any S3 but Amazon's own.")
    s3_region: str | None = Field(None, description="Region of the buckets; unset: boto3's own choice.")
    s3_access_key_id: str | None = Field(default=None, repr=False, description="Unset: boto3's own credential chain.")
    s3_secret_access_key: SecretStr | None = Field(None, description="Goes with the access key id; never printed.")
    s3_store_name: str = Field(
        default="s3", pattern=r"^[a-z0-9][a-z0-9_-]*$", description="Part of every S3 store's name."
    )
    allowed_buckets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Comma-separated; empty: all."
    )
    events_queue_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^@\s]+$",
        description="An SQS queue that buckets fill with their events; read with the credentials of the stores.",
    )
    artefact_store: str | None = Field(default=None, pattern=r"^s3://[^/]+", description="Unset: a folder under home.")

    max_duration_s: float = Field(
        default=DEFAULT_MAX_DURATION_S,
        gt=0,
        description="Longer audio is rejected, by its header or later.",
    )
    max_object_bytes: int = Field(
        default=4 * _GIB, gt=0, description="Larger objects are rejected before they are fetched."
    )
    upload_max_bytes: int = Field(
        default=64 * 2**20, gt=0, description="Largest audio that a lookup listens to: uploaded, or of an object."
    )
    upload_max_duration_s: float = Field(default=900.0, gt=0, description="Longest audio that a lookup listens to.")
    workers: int = Field(default=2, ge=1, le=256, description="Jobs worked on at a time by one machine.")
    cold_workers: int = Field(
        default=1, ge=0, le=256, description="Of `audiofeat up`, beside these: jobs of new items alone."
    )
    retention_days: float = Field(
        default=90.0,
        gt=0,
        description="How long the history of jobs is kept, and jobs that were replaced or cancelled.",
    )
    lease_s: float = Field(
        default=_EMBEDDED_PACE["lease_s"],
        gt=0,
        description="How long a claim on a job lives without a sign; at least twice the heartbeat.",
    )
    heartbeat_s: float = Field(
        default=_EMBEDDED_PACE["heartbeat_s"], gt=0, description="How often a worker prolongs its claim."
    )
    reconcile_s: float = Field(
        default=_EMBEDDED_PACE["reconcile_s"],
        gt=0,
        description="How often the ledger's due jobs are compared with the broker's queues.",
    )
    poll_s: float = Field(default=1.0, gt=0, description="How often published indexes and new items are looked for.")
    index_shard_rows: int = Field(
        default=1_000_000, ge=1_000, description="An index of more vectors has several files, built side by side."
    )
    index_voyager: bool = Field(
        default=False, description="Build indexes for the engine `voyager` as well; needs `audiofeat[voyager]`."
    )
    metadata_user_agent: str | None = Field(
        default=None,
        pattern=r"^[^\s/()]+/\S+ \([^()\s][^()]*\)$",
        description="Who asks sources of metadata on the network: `name/version (address)`; unset: none is asked.",
    )
    metadata_refresh: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Comma-separated; what is asked by itself: `musicbrainz`, addresses of podcast feeds."
    )
    metadata_feed_hours: float = Field(default=6.0, gt=0, description="How often such feeds are asked for.")
    musicbrainz_url: str = Field(
        default="https://musicbrainz.org",
        pattern=r"^https?://[^/@\s]+/?$",
        description="MusicBrainz's web service, or a mirror of it.",
    )
    musicbrainz_rate: float = Field(
        default=1.0, gt=0, le=1000, description="Requests a second; of the public service at most one."
    )
    musicbrainz_fresh_days: float = Field(
        default=30.0, gt=0, description="How long what MusicBrainz said of an item is not asked for again."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="From which level on workers, API and `audiofeat up` log their own events."
    )
    log_format: Literal["json", "text"] | None = Field(
        default=None, description="Unset: text on a terminal, else one JSON object a line."
    )
    traces: bool = Field(
        default=False,
        description="Send traces by OTLP, where `OTEL_EXPORTER_OTLP_ENDPOINT` says; needs `audiofeat[otel]`.",
    )
    metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65_535,
        description="Port of /metrics, /livez and /readyz of the workers of one host; unset: none.",
    )
    stall_s: float = Field(
        default=120.0,
        gt=0,
        description="A worker with a free slot that has claimed nothing for so long of what is due counts as stalled.",
    )
    api_host: str = Field(default="127.0.0.1", min_length=1, description="Address that the HTTP API listens on.")
    api_port: int = Field(default=8000, ge=1, le=65_535, description="Port that the HTTP API listens on.")
    api_rate_limit: str = Field(
        default="3000/minute",
        pattern=r"^(off|[1-9][0-9]{0,8}/(second|minute|hour))$",
        description="Requests of one API key, or of one address without a valid one; `off`: no limit.",
    )
    api_time_limit_s: float = Field(
        default=30.0, gt=0, description="How long a request to the HTTP API, and its body, may take."
    )
    api_cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Comma-separated origins whose pages may use the HTTP API; empty: none."
    )

    @property
    def is_embedded(self) -> bool:
        """Whether this machine runs its own broker."""
        return self.broker_url is None

    @property
    def catalogue_url(self) -> str:
        """The ledger's SQLAlchemy URL."""
        return self.database_url or f"sqlite:///{self.home / 'catalogue.sqlite3'}"

    @property
    def artefact_location(self) -> str:
        """Where curves and index files are kept: an ``s3://bucket/prefix`` or a folder."""
        return self.artefact_store or str(self.home / "artefacts")

    @property
    def logs_json(self) -> bool | None:
        """Whether log lines are JSON; None where the stream decides."""
        return None if self.log_format is None else self.log_format == "json"

    @property
    def rate(self) -> tuple[int, float] | None:
        """How many requests in how many seconds a caller may make; None: any."""
        if self.api_rate_limit == "off":
            return None
        count, _, unit = self.api_rate_limit.partition("/")
        return int(count), {"second": 1.0, "minute": 60.0, "hour": 3600.0}[unit]

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be written anywhere: passwords and keys, as given and as they stand in URLs."""
        given = [self.s3_secret_access_key.get_secret_value()] if self.s3_secret_access_key else []
        for url in (self.database_url, self.broker_url):
            found = _PASSWORD.match(url or "")
            given += [found[1], unquote(found[1])] if found else []
        return tuple(dict.fromkeys(given))

    @model_validator(mode="before")
    @classmethod
    def _pace_of_the_size(cls, given: object) -> object:
        if isinstance(given, dict) and given.get("broker_url"):
            return {**_DISTRIBUTED_PACE, **given}
        return given

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unset(cls, given: object, info: ValidationInfo) -> object:
        """``AUDIOFEAT_X=`` is how a compose file or a shell says "not set"."""
        if given == "" and info.field_name is not None:
            return cls.model_fields[info.field_name].default
        return given

    @field_validator("allowed_buckets", "api_cors_origins", "metadata_refresh", mode="before")
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(part.strip() for part in given.split(",") if part.strip()) if isinstance(given, str) else given

    @field_validator("api_cors_origins")
    @classmethod
    def _plain_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        if any(re.fullmatch(r"https?://[^/@*\s]+", origin) is None for origin in origins):
            raise ValueError("give origins such as https://player.example.org, without a path")
        return origins

    @field_validator("home")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        # Workers and the extraction child may run in another folder than the command that started them.
        return home.expanduser().absolute()

    @field_validator("s3_endpoint_url")
    @classmethod
    def _plain_endpoint(cls, url: str | None) -> str | None:
        if url is None:
            return None
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise ValueError("give http://host:port or https://host, without a user or password")
        return url

    @model_validator(mode="after")
    def _hang_together(self) -> Self:
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError(f"give both or neither of {PREFIX}S3_ACCESS_KEY_ID and {PREFIX}S3_SECRET_ACCESS_KEY")
        if self.metadata_refresh and not self.metadata_user_agent:
            raise ValueError(
                f"{PREFIX}METADATA_REFRESH asks sources, which have to know who asks: {PREFIX}METADATA_USER_AGENT"
            )
        if self.lease_s < 2 * self.heartbeat_s:
            raise ValueError(f"{PREFIX}LEASE_S must be at least twice {PREFIX}HEARTBEAT_S")
        return self


def load_settings(**overrides: Any) -> Settings:  # noqa: ANN401  each field has its own type
    """Read the environment; keyword arguments win over it.

    Raises
    ------
    SettingsInvalid
        If a value has a wrong form or a variable's name is a misspelling. Values are never repeated in the
        message: they may be secrets.
    """
    _refuse_misspellings()
    try:
        return Settings(**overrides)
    except ValidationError as error:
        found = [_complaint(entry["loc"], entry["msg"]) for entry in error.errors(include_input=False)]
    # Outside the handler, so that no traceback can print the rejected input.
    raise SettingsInvalid("; ".join(found), "correct it, or unset it for its default")


def _complaint(location: tuple[int | str, ...], message: str) -> str:
    text = re.sub(r"^Value error, ", "", message)
    return f"{PREFIX}{str(location[0]).upper()}: {text}" if location else text


def _refuse_misspellings() -> None:
    """Raise where a variable is almost, but not quite, one that is read: it would be ignored in silence."""
    known = {name.upper() for name in Settings.model_fields}
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(PREFIX)
        if not variable.upper().startswith(PREFIX) or name in known:
            continue
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        if close:
            raise SettingsInvalid(f"{variable} is not a setting", f"did you mean {PREFIX}{close[0]}?")


def made(home: Path) -> Path:
    """Return the folder of all local state, made if need be; raises SettingsInvalid where it cannot be."""
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsInvalid(
            f"the folder {home} cannot be made: {error.strerror}", "set AUDIOFEAT_HOME to a folder of yours"
        ) from error
    return home
