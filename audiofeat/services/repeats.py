"""Listens to the episodes of a show for what is heard in several of them, one episode after the other."""

from dataclasses import dataclass, replace

from audiofeat import logs
from audiofeat.domain.attributes import folded
from audiofeat.domain.repeats import COMPARED_WITH, Listening, kind_of
from audiofeat.domain.subprints import Words, decoded
from audiofeat.errors import InvalidInput, ObjectMissing
from audiofeat.ports import Catalogue, EpisodeRow, ObjectStore, RepeatView
from audiofeat.services.curves import load_curves
from audiofeat.services.offices import alone

_log = logs.get_logger(__name__)
_LEASE_S = 120.0


@dataclass(frozen=True, slots=True)
class Listened:
    """What a look through a show came to.

    Parameters
    ----------
    show : str
        As it is compared: without regard to case.
    episodes : int
        That are analysed.
    listened : int
        To how many of them just now.
    changed : int
        How many of those had other audio when they were listened to before.
    without : int
        How many have no sub-fingerprints: they were analysed by an earlier version.
    is_busy : bool
        Whether somebody else is at it, so that nothing was done.
    repeats : tuple of RepeatView
        All that is heard in two episodes or more.
    """

    show: str
    episodes: int
    listened: int
    changed: int
    without: int
    is_busy: bool
    repeats: tuple[RepeatView, ...]


def listen(show: str, *, catalogue: Catalogue, artefacts: ObjectStore, again: bool = False) -> Listened:
    """Listen to the episodes of a show that are new or have other audio by now, or with ``again`` to all.

    At no time are more than a few episodes in memory. What was done stays when this ends early.

    Raises
    ------
    InvalidInput
        No episode of such a show is analysed.
    """
    show = folded(show)
    rows = catalogue.episodes_to_hear(show)
    if not rows:
        raise InvalidInput(
            f"no episode of a show {show!r} is analysed", "audiofeat shows list; shows come from metadata"
        )
    with alone(_office(show), catalogue, lease_s=_LEASE_S) as holder:
        if holder is None:
            return Listened(show, len(rows), 0, 0, 0, is_busy=True, repeats=tuple(catalogue.repeats(show)))
        stale = [row for row in rows if row.heard_sha256 is not None and (again or row.heard_sha256 != row.sha256)]
        if stale:
            catalogue.forget_heard(show, [row.item_id for row in stale])
        changed = {row.item_id for row in stale if row.heard_sha256 != row.sha256}
        gone = {row.item_id for row in stale}
        rows = [replace(row, heard_sha256=None) if row.item_id in gone else row for row in rows]
        listened, without = _listen_to(rows, show, holder, catalogue=catalogue, artefacts=artefacts)
    if changed:
        _log.info("episodes_changed", show=show, episodes=len(changed))
    repeats = tuple(catalogue.repeats(show))
    _log.info("show_listened_to", show=show, episodes=listened, repeats=len(repeats))
    return Listened(show, len(rows), listened, len(changed), without, is_busy=False, repeats=repeats)


def _listen_to(
    rows: list[EpisodeRow], show: str, holder: str, *, catalogue: Catalogue, artefacts: ObjectStore
) -> tuple[int, int]:
    """Take in what is new; return how many episodes that were, and how many could not be compared."""
    new = [row for row in rows if row.heard_sha256 is None]
    if not new:
        return 0, 0
    heard = [row for row in rows if row.heard_sha256 is not None][-COMPARED_WITH:]
    recent = [(row.item_id, words) for row in heard if (words := _words(row, catalogue, artefacts)) is not None]
    listening = Listening(catalogue.repeats_known(show), recent)
    durations_s = {row.item_id: row.duration_s for row in rows}
    without = 0
    for row in new:
        if not catalogue.lead(_office(show), holder=holder, lease_s=_LEASE_S):
            break
        words = _words(row, catalogue, artefacts)
        if words is None:
            without += 1
            continue
        found = listening.hear(row.item_id, words)
        kinds = {repeat.repeat_id: kind_of(repeat, durations_s) for repeat, _ in found}
        catalogue.keep_heard(show, row, found, kinds=kinds)
    return len(new) - without, without


def _words(row: EpisodeRow, catalogue: Catalogue, artefacts: ObjectStore) -> Words | None:
    """Return an episode's sub-fingerprints: none of a short or silent one, None where they were never made."""
    analysis = catalogue.analyses_of_audio(row.sha256).get("subprints")
    if analysis is None:
        return None
    if analysis.curves_key is None:
        return decoded(())
    try:
        return decoded(load_curves(artefacts, analysis.curves_key)["minutes"] or ())
    except ObjectMissing:
        return None


def _office(show: str) -> str:
    return f"repeats of {show}"
