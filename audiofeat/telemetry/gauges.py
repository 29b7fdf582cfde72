"""What the ledger says at the moment of a scrape, as gauges."""

from collections.abc import Callable, Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from audiofeat.domain.jobs import JobState
from audiofeat.errors import AudiofeatError
from audiofeat.ports import Survey


class SurveyGauges(Collector):
    """Gauges of a survey; without the ledger only that it is down.

    Parameters
    ----------
    look : callable
        Returns the survey.
    """

    def __init__(self, look: Callable[[], Survey]) -> None:
        self._look = look

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Return nothing: registering must not look at the ledger."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the gauges of now."""
        try:
            survey = self._look()
        except AudiofeatError:
            yield GaugeMetricFamily("audiofeat_ledger_up", "Whether the ledger can be read.", value=0)
            return
        yield GaugeMetricFamily("audiofeat_ledger_up", "Whether the ledger can be read.", value=1)
        yield from _lanes(survey)
        yield from _workers(survey)
        yield from _indexes(survey)
        yield GaugeMetricFamily(
            "audiofeat_home_free_bytes", "Space that is left under the home folder.", value=survey.free_bytes
        )


def _lanes(survey: Survey) -> Iterable[GaugeMetricFamily]:
    jobs = GaugeMetricFamily("audiofeat_jobs", "Jobs in the ledger.", labels=["lane", "state"])
    oldest = GaugeMetricFamily(
        "audiofeat_oldest_due_seconds", "For how long the first of a lane's queue has been due; 0 for an empty one.",
        labels=["lane"],
    )  # fmt: skip
    for lane in survey.lanes:
        for state in JobState:
            jobs.add_metric([lane.lane.value, state.value], lane.jobs.get(state, 0))
        oldest.add_metric([lane.lane.value], lane.oldest_due_s or 0.0)
    yield from (jobs, oldest)


def _workers(survey: Survey) -> Iterable[GaugeMetricFamily]:
    yield GaugeMetricFamily("audiofeat_workers", "Workers that are there.", value=len(survey.workers))
    slots = sum(worker.view.slots for worker in survey.workers)
    yield GaugeMetricFamily("audiofeat_worker_slots", "Jobs that they can work on at a time.", value=slots)
    stalled = sum(bool(worker.stalled_lanes) for worker in survey.workers)
    yield GaugeMetricFamily(
        "audiofeat_stalled_workers", "Workers with a free slot that take nothing of what is due.", value=stalled
    )


def _indexes(survey: Survey) -> Iterable[GaugeMetricFamily]:
    age = GaugeMetricFamily("audiofeat_index_age_seconds", "Age of the served index.", labels=["kind"])
    items = GaugeMetricFamily("audiofeat_index_items", "Items in the served index.", labels=["kind"])
    coverage = GaugeMetricFamily(
        "audiofeat_index_coverage_ratio", "Share of the kind's items that the served index holds.", labels=["kind"]
    )
    for kind, index in survey.indexes.items():
        if index is not None:
            age.add_metric([kind.value], index.age_s)
            items.add_metric([kind.value], index.items)
            coverage.add_metric([kind.value], index.coverage_ratio)
    yield from (age, items, coverage)
