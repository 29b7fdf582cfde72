"""Traces from a request to the ledger, sent by OTLP; imported only where they are switched on."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version

from audiofeat.errors import SettingsInvalid

try:
    from opentelemetry import context, propagate
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
except ImportError as error:
    raise SettingsInvalid(
        f"AUDIOFEAT_TRACES is set and {error.name} is not installed", "pip install 'audiofeat[otel]', or unset it"
    ) from None

_HEADER = "traceparent"
_SEND_EVERY_MS = 1_000


class Tracing:
    """Opens spans, and goes on with the traces of messages, requests and jobs.

    Where spans go, and how many, is told by OpenTelemetry's own variables, such as ``OTEL_EXPORTER_OTLP_ENDPOINT``.

    Parameters
    ----------
    process : str
        Name of this process.
    """

    def __init__(self, *, process: str) -> None:
        facts = {"service.name": "audiofeat", "service.version": version("audiofeat"), "service.instance.id": process}
        self._provider = TracerProvider(resource=Resource.create(facts))
        sender = BatchSpanProcessor(OTLPSpanExporter(), schedule_delay_millis=_SEND_EVERY_MS)
        self._provider.add_span_processor(sender)
        self._tracer = self._provider.get_tracer("audiofeat")

    @contextmanager
    def span(self, name: str, trace: str | None = None) -> Iterator[None]:
        """Open a span under the current one, or in a trace; what is raised inside marks it as failed."""
        parent = propagate.extract({_HEADER: trace}) if trace else None
        with self._tracer.start_as_current_span(name, context=parent):
            yield

    @staticmethod
    def current() -> str | None:
        """Return the current span, for whoever shall go on with its trace; None where there is none."""
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
        return carrier.get(_HEADER)

    @contextmanager
    def continued(self, name: str, carrier: Mapping[str, str]) -> Iterator[None]:
        """Open a span that goes on with the trace that a message carries, where it carries one."""
        token = context.attach(propagate.extract(carrier))
        try:
            with self.span(name):
                yield
        finally:
            context.detach(token)
