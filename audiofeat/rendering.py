"""From what services return to the wire format."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from audiofeat.domain import registry
from audiofeat.domain.jobs import JobState, MetadataValue
from audiofeat.domain.keys import ApiKey
from audiofeat.domain.whereabouts import RefusedMessage
from audiofeat.ports import Analysis, Candidate, IncidentView, ItemView, JobView, ReleaseView, StepView, Survey
from audiofeat.services import reprocess
from audiofeat.services.journeys import Journey, Step
from audiofeat.services.lookup import Answer, Neighbour
from schemas import indexes, items, jobs, journeys, keys, neighbours, reprocessings
from schemas import status as wire_status
from schemas.records import AudioFacts


def item(view: ItemView) -> items.Item:
    """Render an item for a list."""
    return items.Item.model_validate(_item(view))


def item_detail(view: ItemView, said: list[MetadataValue]) -> items.ItemDetail:
    """Render an item with its audio and its metadata's provenance."""
    values = [items.MetadataValue(field=v.field, value=v.value, source=v.source, chosen=v.chosen) for v in said]
    audio = AudioFacts.model_validate(view.audio) if view.audio else None
    return items.ItemDetail.model_validate({**_item(view), "audio": audio, "metadata_values": values})


def feature_set(
    view: ItemView, analyses: Mapping[str, Analysis], *, load_curves: Callable[[str], Mapping[str, Any]] | None
) -> items.FeatureSet:
    """Render what was measured; curves are named but left out where nothing is given to load them with."""
    public = {name: a for name, a in sorted(analyses.items()) if name not in registry.INTERNAL_GROUPS}
    features = {name: dict(a.values) for name, a in public.items()}
    left_out: list[str] = []
    for name, analysis in public.items():
        curves = _curves_of(name)
        features[name] |= {field: None for field in curves if field in analysis.reasons}
        if analysis.curves_key and load_curves:
            features[name] |= load_curves(analysis.curves_key)
        elif analysis.curves_key:
            left_out += [f"{name}.{field}" for field in curves if field not in analysis.reasons]
    return items.FeatureSet.model_validate(
        {
            "item": _name(view),
            "sha256": view.sha256,
            "state": view.state.value,
            "flags": view.flags,
            "features": features,
            "reasons": {f"{name}.{field}": reason for name, a in public.items() for field, reason in a.reasons.items()},
            "versions": {name: a.version for name, a in public.items()},
            "curves_left_out": left_out,
        }
    )


def answer(found: Answer) -> neighbours.Neighbours:
    """Render the answer to a lookup."""
    # Validated as a whole: a hundred small models one by one take four times as long.
    return neighbours.Neighbours.model_validate(
        {
            "item": None if found.item is None else _name(found.item),
            "kind": found.kind.value,
            "engine": found.engine.value,
            "space": found.space,
            "index": found.release,
            "considered": found.considered,
            "dropped": found.dropped,
            "degraded": list(found.degraded),
            "neighbours": [_neighbour(line) for line in found.neighbours],
        }
    )


def journey(found: Journey) -> journeys.Journey:
    """Render a journey."""
    return journeys.Journey(
        engine=found.engine.value,
        space=found.space,
        index=found.release,
        tempo_ratio=found.bounds.tempo_ratio,
        key_steps=found.bounds.key_steps,
        widened=found.is_widened,
        steps=[_step(number, step) for number, step in enumerate(found.steps, start=1)],
    )


def _step(number: int, step: Step) -> journeys.JourneyStep:
    return journeys.JourneyStep(
        **_name(step.item),
        step=number,
        metadata=dict(step.item.metadata),
        distance=step.distance,
        tempo_ratio=step.tempo_ratio,
        key_steps=step.key_steps,
        to_start=step.to_start,
        to_end=step.to_end,
        features=dict(step.features),
    )


def job(view: JobView) -> jobs.Job:
    """Render a job."""
    error = None
    if view.error_code is not None:
        error = jobs.JobError(code=view.error_code, message=view.error_message or "")
    return jobs.Job(
        id=view.job_id,
        item=view.item_id,
        store=view.store,
        key=view.key,
        lane=view.lane.value,
        state=view.state.value,
        attempt=view.attempt,
        crashes=view.crashes,
        losses=view.losses,
        error=error,
        updated_at=view.updated_at,
    )


def step(view: StepView) -> dict[str, Any]:
    """Render a step in the life of a job."""
    return {
        "at": view.at.isoformat(),
        "from": view.before,
        "to": view.after,
        "worker": view.worker,
        "note": view.note,
    }


def incident(view: IncidentView) -> dict[str, Any]:
    """Render a crash or a loss with its evidence."""
    told = {"at": view.at.isoformat(), "attempt": view.attempt, "worker": view.worker}
    return {**told, "code": view.code, "message": view.message, **asdict(view.evidence)}


def refused_message(one: RefusedMessage) -> dict[str, Any]:
    """Render a message that was not accepted, in the manner of a job that failed."""
    return {
        "state": "refused",
        "source": one.source,
        "error": {"code": one.code.value, "message": one.message},
        "updated_at": one.at.isoformat() if one.at else None,
    }


def release(view: ReleaseView) -> indexes.IndexRelease:
    """Render an index release."""
    return indexes.IndexRelease(
        release=view.release,
        kind=view.kind.value,
        space=view.space,
        items=view.items,
        rows=view.rows,
        recall_at_10=view.recall,
        created_at=view.created_at,
        current=view.is_current,
    )


def status(survey: Survey) -> wire_status.Status:
    """Render how everything stands."""
    return wire_status.Status(
        lanes={
            lane.lane.value: wire_status.LaneStatus(
                jobs={state.value: count for state, count in lane.jobs.items()},
                oldest_due_s=lane.oldest_due_s,
                ended_per_minute=60 * lane.ended / survey.window_s,
                audio_s_per_s=lane.audio_s / survey.window_s,
            )
            for lane in survey.lanes
        },
        workers=[
            wire_status.WorkerStatus(
                name=worker.view.name,
                host=worker.view.host,
                lanes=list(worker.view.lanes),
                slots=worker.view.slots,
                held=worker.held,
                stalled_lanes=list(worker.stalled_lanes),
                seen_at=worker.view.seen_at,
            )
            for worker in survey.workers
        ],
        quarantined=survey.count(JobState.QUARANTINED),
        dead=survey.count(JobState.DEAD),
        indexes={
            kind.value: None if index is None else wire_status.IndexStatus(**asdict(index))
            for kind, index in survey.indexes.items()
        },
        free_bytes=survey.free_bytes,
        warnings=survey.warnings,
    )


def plan(planned: reprocess.Plan) -> reprocessings.Plan:
    """Render what a reprocessing would come to."""
    extent = planned.extent
    groups = {
        group: reprocessings.GroupPlan(version=planned.versions[group], items=items, audio_s=audio_s)
        for group, (items, audio_s) in extent.groups.items()
    }
    return reprocessings.Plan(
        items=extent.items,
        stale_items=extent.stale_items,
        groups=groups,
        audio_s=extent.audio_s,
        size_bytes=extent.size_bytes,
        cpu_hours=None if planned.cpu_s is None else planned.cpu_s / 3_600,
    )


def reprocessing(progress: reprocess.Progress) -> reprocessings.Reprocessing:
    """Render how far a reprocessing is."""
    batch = progress.batch
    return reprocessings.Reprocessing(
        id=batch.batch_id,
        state=batch.state.value,
        held=progress.is_held,
        window=batch.parameters.get("window"),
        lane=batch.lane.value,
        versions=dict(batch.scope.stale_against),
        total=progress.total,
        ended=progress.ended,
        failed=progress.failed,
        per_minute=progress.per_minute,
        left_s=progress.left_s,
        created_at=batch.created_at,
        finished_at=batch.finished_at,
    )


def key(view: ApiKey) -> keys.Key:
    """Render what is known of a key."""
    return keys.Key.model_validate(_key(view))


def new_key(view: ApiKey, text: str) -> keys.NewKey:
    """Render a key that was just made, with the key itself."""
    return keys.NewKey.model_validate({**_key(view), "key": text})


def _key(view: ApiKey) -> dict[str, Any]:
    return {name: value for name, value in asdict(view).items() if name != "digest"}


def _name(view: ItemView | Candidate) -> dict[str, Any]:
    return {"id": view.item_id, "reference": view.reference, "key": view.key}


def _item(view: ItemView) -> dict[str, Any]:
    return {
        **_name(view),
        "kind": view.kind.value if view.kind else None,
        "kind_source": view.kind_source,
        "store": view.store,
        "state": view.state.value,
        "sha256": view.sha256,
        "flags": view.flags,
        "metadata": dict(view.metadata),
    }


def _neighbour(line: Neighbour) -> dict[str, Any]:
    return {
        **_name(line.item),
        "rank": line.rank,
        "metadata": line.item.metadata,
        "distance": line.distance,
        "relevance": min(max(line.relevance, -1.0), 1.0),
        "groups": {name: {"similarity": group.similarity, "share": group.share} for name, group in line.groups.items()},
        "duplicate": line.duplicate.value if line.duplicate else None,
        "why": line.why,
        "copies": list(line.copies),
    }


def _curves_of(group: str) -> list[str]:
    return [f.name for f in registry.FIELDS if f.group == group and f.grows]
