"""API keys: made, listed, revoked, and recognised without asking the ledger at every request."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from audiofeat.domain import keys
from audiofeat.domain.keys import ApiKey, Scope
from audiofeat.errors import InvalidInput, KeyUnknown
from audiofeat.ports import KeyRing
from audiofeat.refusals import KeyInvalid

NAME_CHARACTERS = 100
_NOTED_EVERY_S = 60.0
_MOST_KNOWN = 10_000
_NEVER: tuple[float, ApiKey | None] = (float("-inf"), None)


def create(ring: KeyRing, name: str, scopes: Iterable[Scope], *, lasts: timedelta | None = None) -> tuple[ApiKey, str]:
    """Make a key; returns what is kept of it, and the key, which nobody can be told again."""
    if not 0 < len(name.strip()) <= NAME_CHARACTERS or not name.isprintable():
        raise InvalidInput(f"a key's name has 1 to {NAME_CHARACTERS} printable characters", "such as 'player'")
    text = keys.make()
    now = datetime.now(tz=UTC)
    key = ApiKey(
        prefix=keys.prefix(text) or "",
        name=name.strip(),
        scopes=keys.in_order(scopes),
        digest=keys.digest(text),
        created_at=now,
        expires_at=None if lasts is None else now + lasts,
    )
    ring.add_key(key)
    return key, text


def revoke(ring: KeyRing, called: str) -> ApiKey:
    """End a key, named by its prefix, by itself, or by its name where only one has it.

    Raises
    ------
    KeyUnknown
        There is no such key.
    InvalidInput
        Several keys have this name.
    """
    prefix = keys.prefix(called)
    named = [key for key in ring.api_keys() if key.revoked_at is None and called in {key.prefix, key.name}]
    if prefix is None and len(named) > 1:
        raise InvalidInput(
            f"{len(named)} keys are called {called!r}", f"name one: {', '.join(key.prefix for key in named)}"
        )
    if prefix is None and not named:
        # The text may be a mistyped key, and is not repeated.
        raise KeyUnknown("no key that still holds has this name or prefix", "audiofeat keys list")
    return ring.revoke_key(prefix or named[0].prefix)


class Doorkeeper:
    """Recognises keys, and remembers for a moment what the ledger said of them.

    Parameters
    ----------
    ring : callable
        Returns where keys are kept; asked when the first key comes.
    fresh_s : float
        For how long it is remembered: a revoked key works at most so long.
    """

    def __init__(self, ring: Callable[[], KeyRing], *, fresh_s: float) -> None:
        self._ring = ring
        self._fresh_s = fresh_s
        self._known: dict[str, tuple[float, ApiKey | None]] = {}
        self._noted: dict[str, float] = {}
        self._any = (_NEVER[0], False)

    def asks(self, text: str | None) -> bool:
        """Tell whether recognising a key, or that there is none, would ask the ledger now."""
        now = time.monotonic()
        if text is None:
            asked_at, found = self._any
            return not found and now - asked_at >= self._fresh_s
        prefix = keys.prefix(text)
        if prefix is None:
            return False
        asked_at, _ = self._known.get(prefix, _NEVER)
        return now - asked_at >= self._fresh_s or now - self._noted.get(prefix, _NEVER[0]) >= _NOTED_EVERY_S

    def has_keys(self) -> bool:
        """Tell whether there ever was a key; from then on it is known for good."""
        asked_at, found = self._any
        now = time.monotonic()
        if not found and now - asked_at >= self._fresh_s:
            found = self._ring().has_keys()
            self._any = (now, found)
        return found

    def recognise(self, text: str) -> ApiKey:
        """Return the key that a text is, and note its use.

        Raises
        ------
        KeyInvalid
            It is none, or one that was revoked or has expired; the message never repeats it.
        """
        prefix = keys.prefix(text)
        key = self._look_up(prefix) if prefix else None
        if key is None or not key.opens(text):
            raise KeyInvalid("this is no key of this installation", "audiofeat keys create NAME makes one")
        if not key.is_valid(datetime.now(tz=UTC)):
            how = "was revoked" if key.revoked_at else "has expired"
            raise KeyInvalid(f"the key {key.prefix} {how}", "audiofeat keys create NAME makes another one")
        now = time.monotonic()
        if now - self._noted.get(key.prefix, _NEVER[0]) >= _NOTED_EVERY_S:
            self._noted[key.prefix] = now
            self._ring().key_used(key.prefix)
        return key

    def _look_up(self, prefix: str) -> ApiKey | None:
        now = time.monotonic()
        asked_at, key = self._known.get(prefix, _NEVER)
        if now - asked_at >= self._fresh_s:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            key = self._ring().key(prefix)
            self._known[prefix] = (now, key)
        return key
