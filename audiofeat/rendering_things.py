"""From what is found out about things to the wire format."""

from dataclasses import asdict

from audiofeat.domain.things import Thing
from audiofeat.services.describe_things import Description
from audiofeat.services.things import ThingAnswer, ThingNeighbour
from schemas import things as wire
from schemas.items import ItemName
from schemas.neighbours import GroupSimilarity


def name(thing: Thing) -> wire.ThingName:
    """Render what a thing is called."""
    return wire.ThingName(id=thing.thing_id, kind=thing.kind.value, name=thing.name, by=thing.by)


def listed(thing: Thing, items: int) -> wire.ThingListed:
    """Render a thing for a list."""
    return wire.ThingListed(**dict(name(thing)), items=items)


def detail(found: Description) -> wire.ThingDetail:
    """Render what a thing is like."""
    members = found.members
    return wire.ThingDetail(
        **dict(name(found.thing)),
        items=found.items,
        sounds={
            kind.value: wire.ThingSound.model_validate(
                {**asdict(sound), "languages": list(sound.languages), "in_words": sound.in_words}
            )
            for kind, sound in found.sounds.items()
        },
        genres=[wire.GenreShare(path=path, share=share) for path, share in found.genres],
        collected=None
        if members is None
        else [wire.CollectedItem(item=member.item_id, weight=member.weight) for member in members],
    )


def answer(found: ThingAnswer) -> wire.ThingNeighbours:
    """Render the things that answer a question."""
    item = found.item
    return wire.ThingNeighbours(
        thing=None if found.asked is None else name(found.asked),
        item=None if item is None else ItemName(id=item.item_id, reference=item.reference, key=item.key),
        of=found.of.value,
        kind=found.kind.value,
        engine=found.engine.value,
        space=found.space,
        index=found.release,
        considered=found.considered,
        dropped=dict(found.dropped),
        neighbours=[_line(line) for line in found.neighbours],
    )


def _line(line: ThingNeighbour) -> wire.ThingNeighbour:
    return wire.ThingNeighbour(
        **dict(name(line.thing)),
        rank=line.rank,
        items=line.items,
        consistency=line.consistency,
        distance=line.distance,
        groups={group: GroupSimilarity(**asdict(similar)) for group, similar in line.groups.items()},
        closest=line.closest,
        why=line.why,
    )
