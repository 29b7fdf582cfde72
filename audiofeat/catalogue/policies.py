"""The merge policies of a ledger: the newest is in force, and each is kept for what was merged under it."""

from sqlalchemy import Connection, select

from audiofeat.catalogue.database import insert_into
from audiofeat.catalogue.metadata_schema import merge_policies
from audiofeat.domain import merge_policy
from audiofeat.domain.merge_policy import Policy

NEWEST = select(merge_policies.c.text).order_by(merge_policies.c.since.desc(), merge_policies.c.digest).limit(1)


def in_force(connection: Connection) -> Policy:
    """Return the policy by which is merged now."""
    return read(connection.scalar(NEWEST))


def read(text: str | None) -> Policy:
    """Return the policy that a row states; the one that comes with audiofeat where there is none."""
    return merge_policy.DEFAULT if text is None else merge_policy.parse(text)


def of(connection: Connection, digest: str | None) -> Policy:
    """Return the policy of a digest."""
    return read(connection.scalar(select(merge_policies.c.text).where(merge_policies.c.digest == digest)))


def put_in_force(connection: Connection, now: float, policy: Policy) -> None:
    """Merge by this policy from now on."""
    new = insert_into(connection, merge_policies).values(digest=policy.digest, text=policy.text, since=now)
    connection.execute(
        new.on_conflict_do_update(index_elements=[merge_policies.c.digest], set_={"since": new.excluded.since})
    )
