"""Several hosts, one of which is lost in the middle."""

from collections.abc import Callable
from pathlib import Path

import pytest
from faults.hosts import HOSTS, Fleet

from tests.radosgw import Radosgw


@pytest.mark.slow
@pytest.mark.alone
def test_of_three_hosts_one_is_cut_off_and_the_batch_ends(
    tmp_path: Path,
    radosgw: Radosgw,
    new_postgresql: Callable[[], str],
    amqp_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """On RabbitMQ, PostgreSQL and Ceph: nothing lost or done twice, and what the lost host brings late is refused."""
    fleet = Fleet(tmp_path, radosgw, new_postgresql(), amqp_url)
    assert fleet.run(objects=18, cuts=1) == 0
    account = capsys.readouterr().out
    assert "losses 1," in account
    assert "late results refused 1," in account
    assert sum(host in account for host in HOSTS) >= 2
