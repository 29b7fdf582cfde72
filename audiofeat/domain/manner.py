"""How an episode sounds, in a few words: who speaks, how fast, with how much music, in which quality."""

from collections.abc import Mapping
from typing import Any

_VOICES = {"1": "one voice", "2": "two voices", "3+": "three voices or more"}
# Read speech has about four to five syllables a second, pauses included.
_FAST_HZ, _SLOW_HZ = 5.2, 3.6
_LIVELY, _FLAT = 0.65, 0.35
_MUCH, _SOME, _LITTLE = 0.4, 0.15, 0.05
_BED = 0.3
_NOISY_DB = 15.0

Features = Mapping[str, Mapping[str, Any]]


def words(features: Features) -> tuple[str, ...]:
    """Return what can be said of an episode, the most telling first; nothing of what was not measured.

    Examples
    --------
    >>> words({"delivery": {"number_of_voices": "2", "speaking_rate_hz": 5.6}, "speech": {"music_ratio": 0.01}})
    ('two voices', 'fast talkers', 'little music')
    """
    delivery, speech, production = (features.get(group, {}) for group in ("delivery", "speech", "production"))
    said = [_VOICES.get(str(delivery.get("number_of_voices")), "")]
    rate, liveliness = delivery.get("speaking_rate_hz"), delivery.get("liveliness")
    music, bed, snr = speech.get("music_ratio"), production.get("music_bed_ratio"), production.get("snr_db")
    if rate is not None:
        said.append("fast talkers" if rate >= _FAST_HZ else "slow talkers" if rate <= _SLOW_HZ else "")
    if liveliness is not None:
        said.append("lively" if liveliness >= _LIVELY else "even in tone" if liveliness <= _FLAT else "")
    if music is not None:
        amounts = ((_MUCH, "much music"), (_SOME, "some music"), (_LITTLE, ""), (0.0, "little music"))
        said.append(next(word for least, word in amounts if music >= least))
    if bed is not None and bed >= _BED:
        said.append("music under the speech")
    if snr is not None and snr < _NOISY_DB:
        said.append("noisy")
    return tuple(word for word in said if word)


def shared(ours: Features, theirs: Features) -> str:
    """Return in one phrase what two episodes have in common; empty where that is nothing.

    Examples
    --------
    >>> shared({"speech": {"music_ratio": 0.01}}, {"speech": {"music_ratio": 0.02}})
    'both: little music'
    """
    of_both = [word for word in words(ours) if word in words(theirs)]
    return f"both: {', '.join(of_both)}" if of_both else ""
