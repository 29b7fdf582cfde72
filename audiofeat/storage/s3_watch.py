"""What S3 was asked and how it answered, for whoever counts it."""

import time
from collections.abc import Callable
from typing import Any

from botocore.hooks import BaseEventHooks

NO_ANSWER = "no_answer"


def watch_calls(events: BaseEventHooks, watch: Callable[[str, str, float], None]) -> None:
    """Have ``watch`` told of every call of a client, once however often it was retried within.

    Parameters
    ----------
    events : BaseEventHooks
        The client's own events.
    watch : callable
        Takes the operation, the HTTP status or ``no_answer``, and the seconds to the answer's head.
    """

    def begin(context: dict[str, Any], **_: object) -> None:
        context["audiofeat_began"] = time.perf_counter()

    def end(context: dict[str, Any], event_name: str, http_response: Any = None, **_: object) -> None:  # noqa: ANN401  botocore's own class
        outcome = NO_ANSWER if http_response is None else str(http_response.status_code)
        watch(event_name.rpartition(".")[2], outcome, time.perf_counter() - context["audiofeat_began"])

    events.register("before-call.s3", begin)
    events.register("after-call.s3", end)
    events.register("after-call-error.s3", end)
