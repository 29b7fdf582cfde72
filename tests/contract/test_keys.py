"""What every ledger does with API keys and with secrets of the installation."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from audiofeat.catalogue import SqlCatalogue, open_catalogue
from audiofeat.domain.keys import Scope
from audiofeat.errors import InvalidInput, KeyUnknown
from audiofeat.refusals import KeyInvalid
from audiofeat.services import keys
from audiofeat.services.keys import Doorkeeper


@pytest.fixture
def catalogue(ledger_url: str) -> Iterator[SqlCatalogue]:
    opened = open_catalogue(ledger_url)
    yield opened
    opened.close()


def test_a_key_is_kept_whole_but_for_itself(catalogue: SqlCatalogue) -> None:
    """What was said of it comes back; newest first; the ledger has the hash and not the key."""
    first, text = keys.create(catalogue, "player", [Scope.INGEST, Scope.READ, Scope.READ], lasts=timedelta(days=1))
    second, _ = keys.create(catalogue, "ops", [Scope.ADMIN])
    assert catalogue.key(first.prefix) == first
    assert catalogue.api_keys() == [second, first]
    assert first.scopes == (Scope.READ, Scope.INGEST)
    assert text not in str(catalogue.api_keys())
    assert catalogue.key("af_0000000000") is None


def test_there_are_keys_from_the_first_one_on(catalogue: SqlCatalogue) -> None:
    """Also when it was revoked."""
    assert not catalogue.has_keys()
    keys.create(catalogue, "player", [Scope.READ])
    keys.revoke(catalogue, "player")
    assert catalogue.has_keys()


def test_revoking_ends_a_key_once(catalogue: SqlCatalogue) -> None:
    """By prefix, by name, or by the key itself; a name that two keys have is not guessed at."""
    one, text = keys.create(catalogue, "player", [Scope.READ])
    two, _ = keys.create(catalogue, "player", [Scope.READ])
    with pytest.raises(InvalidInput, match="2 keys are called 'player'"):
        keys.revoke(catalogue, "player")
    revoked = keys.revoke(catalogue, text)
    assert (revoked.prefix, revoked.revoked_at is not None) == (one.prefix, True)
    assert keys.revoke(catalogue, "player").prefix == two.prefix
    assert catalogue.revoke_key(one.prefix) == revoked
    with pytest.raises(KeyUnknown):
        keys.revoke(catalogue, "player")
    with pytest.raises(KeyUnknown):
        catalogue.revoke_key("af_0000000000")


def test_a_doorkeeper_knows_keys_by_the_ledger(catalogue: SqlCatalogue) -> None:
    """The right text opens, with a use noted; another one, a revoked and an expired key do not."""
    door = Doorkeeper(lambda: catalogue, fresh_s=0)
    key, text = keys.create(catalogue, "player", [Scope.READ])
    seen = replace(door.recognise(text), last_used_at=None)
    assert seen == key
    [noted] = catalogue.api_keys()
    assert noted.last_used_at is not None
    assert abs(noted.last_used_at - datetime.now(tz=UTC)) < timedelta(minutes=1)
    for wrong in (text[:-1], text + "A", text.swapcase(), text.replace("af_", "af-"), "", "\ud800", key.digest):
        with pytest.raises(KeyInvalid):
            door.recognise(wrong)
    _, old = keys.create(catalogue, "old", [Scope.READ], lasts=timedelta(seconds=-1))
    with pytest.raises(KeyInvalid, match="has expired"):
        door.recognise(old)
    keys.revoke(catalogue, "player")
    with pytest.raises(KeyInvalid, match="was revoked"):
        door.recognise(text)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 101])
def test_a_name_that_cannot_be_printed_is_refused(catalogue: SqlCatalogue, name: str) -> None:
    """Lists and messages show it."""
    with pytest.raises(InvalidInput):
        keys.create(catalogue, name, [Scope.READ])


def test_a_secret_is_one_for_all_processes(catalogue: SqlCatalogue, ledger_url: str) -> None:
    """Made once, random, and another one under another name."""
    other = open_catalogue(ledger_url)
    assert catalogue.secret("a") == other.secret("a")
    assert len(catalogue.secret("a")) == 32
    assert catalogue.secret("a") != catalogue.secret("b")
    other.close()
