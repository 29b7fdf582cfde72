"""Episodes over HTTP: what is heard from beginning to end, chapters, and what a show repeats."""

from typing import Annotated, Literal

from pydantic import Field

from schemas.items import ItemName
from schemas.things import ThingName
from schemas.wire import Share, Wire

RepeatKind = Literal["jingle", "ad", "passage"]
_Seconds = Annotated[float, Field(ge=0)]


class Segment(Wire):
    """A stretch of one sort of sound."""

    start_s: _Seconds
    end_s: _Seconds
    label: Literal["speech", "music", "speech+music", "noise", "silence", "no speech"]
    confidence: Share | None = Field(description="Null where an older analysis does not tell it.")


class RepeatHere(Wire):
    """A stretch that other episodes of the show have too."""

    start_s: _Seconds
    end_s: _Seconds
    kind: RepeatKind = Field(description="A guess by length and place.")
    confidence: Share | None = Field(description="1 for the same bits, 0 for chance.")


class Chapter(Wire):
    """A chapter, until the next one begins."""

    start_s: _Seconds
    end_s: _Seconds
    title: str | None = Field(description="Null where none is known.")
    source: Literal["metadata", "audio"]
    confidence: Share = Field(description="1 for metadata, by rule for audio.")


class Preview(Wire):
    """The minute that stands for the whole."""

    start_s: _Seconds
    duration_s: _Seconds


class Timeline(Wire):
    """An episode from beginning to end."""

    item: ItemName
    duration_s: _Seconds = Field(description="Of what was decoded.")
    in_words: list[str] = Field(description="How it sounds, the most telling first.")
    segments: list[Segment] = Field(description="Without gaps.")
    repeats: list[RepeatHere] = Field(description="What other episodes of the show have too.")
    chapters: list[Chapter] = Field(description="Those of metadata, and what is heard where they say nothing.")
    preview: Preview | None = Field(description="Null where nothing could be told.")
    problems: list[str] = Field(description="What was wrong with the chapters of metadata, and how it was mended.")


class PlayerChapter(Wire):
    """A chapter as players know it."""

    startTime: _Seconds  # noqa: N815  the format's own name
    endTime: _Seconds  # noqa: N815  as above
    title: str | None = Field(None, description="Left out where none is known.")


class PlayerChapters(Wire):
    """Chapters in the JSON of the podcast namespace, which players and hosts read."""

    version: Literal["1.2.0"]
    chapters: list[PlayerChapter]


class Place(Wire):
    """Where a repeat is heard."""

    item: str = Field(description="Id of the episode.")
    start_s: _Seconds
    end_s: _Seconds
    bit_error_ratio: Share = Field(description="By how many of its bits it differs here; 0.5 is chance.")


class Repeat(Wire):
    """Something that at least two episodes have."""

    id: str
    kind: RepeatKind = Field(description="A guess by length and place.")
    length_s: _Seconds
    episodes: Annotated[int, Field(ge=2, description="How many have it.")]
    heard: list[Place]


class ShowRepeats(Wire):
    """What is heard again across the episodes of a show, in most episodes first."""

    show: ThingName
    repeats: list[Repeat]
    left_out: Annotated[int, Field(ge=0, description="How many more there are than were asked for.")]
