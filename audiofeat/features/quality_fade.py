"""Fades: how long the level climbs at an end of the item."""

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.floating]

STEP_S = 0.1
_STARTS_BELOW_DB = 40.0
_ENDS_BELOW_DB = 1.0
_BODY_WITHIN_DB = 50.0
_LEAST_CLIMB_DB = 12.0
_MOST_DIP_DB = 3.0
_MOST_LEAP = 0.35
_WAIT_MOST_STEPS = 10
_HOLD_STEPS = 10


def fade_in_s(level_db: Levels) -> float:
    """Return the duration of the climb from 40 dB to 1 dB below the typical level, 0 where there is none.

    Parameters
    ----------
    level_db : array
        Levels of 100 ms each, not all at the floor. For a fade-out, backwards.

    Notes
    -----
    Judged on the loudest 100 ms of the last second, so that a beat does not break a climb. It must begin at once, rise
    by 12 dB or more, never fall by more than 3 dB and never leap by more than 0.35 of the typical amplitude: a quiet
    intro before a loud entry is no fade.
    """
    held = np.pad(level_db, (_HOLD_STEPS - 1, 0), constant_values=level_db.min())
    envelope_db = np.lib.stride_tricks.sliding_window_view(held, _HOLD_STEPS).max(axis=1)
    body_db = float(np.median(envelope_db[envelope_db > envelope_db.max() - _BODY_WITHIN_DB]))
    start = int(np.argmax(envelope_db > body_db - _STARTS_BELOW_DB))
    end = start + int(np.argmax(envelope_db[start:] > body_db - _ENDS_BELOW_DB))
    climb_db = envelope_db[start : end + 1]
    leaves = start + int(np.flatnonzero(climb_db <= climb_db[0] + 1.0)[-1])
    if leaves - start > _WAIT_MOST_STEPS or climb_db[-1] - climb_db[0] < _LEAST_CLIMB_DB:
        return 0.0
    dip_db = float((np.maximum.accumulate(climb_db) - climb_db).max())
    leap = float(np.diff(10 ** ((climb_db - body_db) / 20)).max())
    return 0.0 if dip_db > _MOST_DIP_DB or leap > _MOST_LEAP else (end - start) * STEP_S
