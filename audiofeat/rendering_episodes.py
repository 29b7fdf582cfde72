"""From what is heard in episodes to the wire format."""

from collections.abc import Sequence

from audiofeat.domain.chapters import Chapter
from audiofeat.domain.timelines import Timeline
from audiofeat.ports import ItemView, RepeatView
from schemas import episodes as wire
from schemas.items import ItemName
from schemas.things import ThingName


def timeline(view: ItemView, heard: Timeline) -> wire.Timeline:
    """Render an episode from beginning to end."""
    return wire.Timeline(
        item=ItemName(id=view.item_id, reference=view.reference, key=view.key),
        duration_s=heard.duration_s,
        in_words=list(heard.in_words),
        segments=[
            wire.Segment.model_validate(
                {"start_s": _ms(one.start_s), "end_s": _ms(one.end_s), "label": one.label, "confidence": one.confidence}
            )
            for one in heard.segments
        ],
        repeats=[
            wire.RepeatHere.model_validate(
                {"start_s": one.start_s, "end_s": one.end_s, "kind": one.label, "confidence": one.confidence}
            )
            for one in heard.repeats
        ],
        chapters=[_chapter(one) for one in heard.chapters],
        preview=None
        if heard.preview is None
        else wire.Preview(start_s=_ms(heard.preview[0]), duration_s=_ms(heard.preview[1])),
        problems=list(heard.problems),
    )


def player_chapters(chapters: Sequence[Chapter]) -> wire.PlayerChapters:
    """Render chapters as players read them."""
    told = [
        wire.PlayerChapter(startTime=_ms(one.start_s), endTime=_ms(one.end_s), title=one.title or None)
        for one in chapters
    ]
    return wire.PlayerChapters(version="1.2.0", chapters=told)


def show_repeats(show: ThingName, views: Sequence[RepeatView], *, limit: int) -> wire.ShowRepeats:
    """Render what a show repeats, the first so many of it."""
    return wire.ShowRepeats(
        show=show,
        repeats=[repeat(view) for view in views[:limit]],
        left_out=max(len(views) - limit, 0),
    )


def repeat(view: RepeatView) -> wire.Repeat:
    """Render something that is heard again, with all its places."""
    return wire.Repeat(
        id=view.repeat_id,
        kind=view.kind.value,
        length_s=round(view.length_s, 2),
        episodes=view.episodes,
        heard=[
            wire.Place(
                item=one.item_id, start_s=one.start_s, end_s=one.end_s, bit_error_ratio=one.bit_error_ratio
            )
            for one in view.heard
        ],
    )  # fmt: skip


def _ms(time_s: float) -> float:
    """Return a time to the millisecond."""
    return round(time_s, 3)


def _chapter(one: Chapter) -> wire.Chapter:
    return wire.Chapter(
        start_s=_ms(one.start_s),
        end_s=_ms(one.end_s),
        title=one.title or None,
        source=one.source.value,
        confidence=one.confidence,
    )
