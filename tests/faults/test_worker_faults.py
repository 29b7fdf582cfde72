"""Faults of workers: killed, frozen, crashed from within; with a real ledger, a real store and real children."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audiofeat.bootstrap import Services
from audiofeat.catalogue import SqlCatalogue
from audiofeat.codes import ErrorCode
from audiofeat.config import load_settings
from audiofeat.domain.items import ObjectVersion
from audiofeat.domain.jobs import JobState, Lane, Registration
from audiofeat.errors import DiskFull
from audiofeat.services.scratch import sweep
from audiofeat.storage.location import parse_location
from commands import SAMPLES, processes_of, wait_until

LEASE_S = 2.0


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def make(home: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Services]:
    """Wire the same installation anew, as another process would."""
    monkeypatch.setenv("AUDIOFEAT_HOME", str(home))
    monkeypatch.setenv("AUDIOFEAT_LEASE_S", str(LEASE_S))
    monkeypatch.setenv("AUDIOFEAT_HEARTBEAT_S", "0.5")
    return lambda: Services(load_settings())


@pytest.fixture
def services(make: Callable[[], Services]) -> Iterator[Services]:
    wired = make()
    yield wired
    wired.extraction.stop()


def queue(services: Services, folder: Path, name: str) -> str:
    store = services.stores.at(parse_location(str(folder)))
    found = store.head(name)
    audio = ObjectVersion(store.name, name, found.version, found.size_bytes)
    return services.catalogue.register([Registration(audio)])[0].job_id


def music(tmp_path: Path, *names: str) -> Path:
    """Make a folder of samples, and of one that takes some seconds to analyse."""
    folder = tmp_path / "music"
    folder.mkdir()
    for name in names:
        shutil.copy(SAMPLES / "audio" / name, folder)
    rng = np.random.default_rng(0)
    soundfile.write(folder / "long.wav", 0.1 * rng.standard_normal(600 * 22_050), 22_050)
    return folder


def in_another_process(work: Callable[[], object]) -> int:
    """Fork a worker; its exit status is 0 where ``work`` returned None, else 1."""
    child = os.fork()
    if child == 0:
        status = 2
        try:
            status = 0 if work() is None else 1
        finally:
            os._exit(status)
    return child


def leased(catalogue: SqlCatalogue, job_id: str) -> bool:
    return catalogue.job(job_id).state is JobState.LEASED


def test_fault_1_a_worker_killed_in_the_middle(
    make: Callable[[], Services], services: Services, tmp_path: Path
) -> None:
    """Nothing of it is left running, the job is leased again within its lease and ten seconds, one result is there."""
    job_id = queue(services, music(tmp_path), "long.wav")
    worker = in_another_process(lambda: make().ingest.run(job_id, worker="first"))
    wait_until(lambda: leased(services.catalogue, job_id))
    time.sleep(1)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    killed = time.monotonic()
    wait_until(lambda: services.catalogue.expire_leases() == 1, timeout_s=LEASE_S + 10)
    assert services.ingest.run(job_id, worker="second") in {JobState.DONE, JobState.DEGRADED}
    steps = services.catalogue.history(job_id)[0]
    taken = [step for step in steps if step.after is JobState.LEASED]
    assert (taken[1].at - taken[0].at).total_seconds() < LEASE_S + 10 + 2
    assert time.monotonic() - killed < 120
    job = services.catalogue.job(job_id)
    assert (job.losses, job.crashes) == (1, 0)
    assert services.catalogue.states() == {job.state: 1}
    assert sweep(services.home / "scratch", lose=services.catalogue.lose) == 1
    assert services.catalogue.job(job_id).losses == 1
    assert not list((services.home / "scratch").iterdir())


def test_a_killed_process_leaves_word_of_what_it_held(
    make: Callable[[], Services], services: Services, tmp_path: Path
) -> None:
    """Its folder gives the job back long before the lease runs out, once; a living one's folder is left alone."""
    job_id = queue(services, music(tmp_path), "long.wav")
    scratch = services.home / "scratch"
    worker = in_another_process(lambda: make().ingest.run(job_id, worker="first"))
    wait_until(lambda: leased(services.catalogue, job_id))
    assert len(list(scratch.glob("ingest-*"))) == 1
    assert sweep(scratch, lose=services.catalogue.lose) == 0
    assert leased(services.catalogue, job_id)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    wait_until(lambda: sweep(scratch, lose=services.catalogue.lose) == 1)
    job = services.catalogue.job(job_id)
    assert (job.state, job.losses, job.crashes) == (JobState.QUEUED, 1, 0)
    assert services.catalogue.history(job_id)[0][-1].note == "process died"
    assert sweep(scratch, lose=services.catalogue.lose) == 0


def test_a_folder_that_was_never_locked_is_swept_when_old(services: Services) -> None:
    """Its process may have died before it locked it, or may be about to."""
    left = services.home / "scratch" / "new-1"
    left.mkdir(parents=True)
    assert sweep(left.parent, lose=services.catalogue.lose) == 0
    os.utime(left, (0, 0))
    assert sweep(left.parent, lose=services.catalogue.lose) == 1


def test_fault_3_a_redelivered_message_rewrites_nothing(services: Services, tmp_path: Path) -> None:
    """The worker was killed after the commit and before the acknowledgement: the message finds nothing to do."""
    job_id = queue(services, music(tmp_path, "pad_slow_tide.ogg"), "pad_slow_tide.ogg")
    worker = in_another_process(lambda: (services.ingest.run(job_id, worker="w"), os.kill(os.getpid(), signal.SIGKILL)))
    assert os.WTERMSIG(os.waitpid(worker, 0)[1]) == signal.SIGKILL
    item = services.catalogue.find_item("pad_slow_tide.ogg")
    before = services.catalogue.embedding_of(item.item_id), services.catalogue.history(job_id)
    assert services.ingest.run(job_id, worker="again") is None
    after = services.catalogue.embedding_of(item.item_id), services.catalogue.history(job_id)
    assert before[1] == after[1]
    assert before[0] is not None
    assert after[0] is not None
    assert before[0].sequence == after[0].sequence


@pytest.mark.parametrize("death", ["signal", "memory in the task"])
def test_fault_5_a_file_that_kills_is_quarantined_and_alone(services: Services, tmp_path: Path, death: str) -> None:
    """Three attempts with evidence, the same worker goes on with the next file."""
    folder = music(tmp_path, "pad_slow_tide.ogg")
    poison, good = queue(services, folder, "long.wav"), queue(services, folder, "pad_slow_tide.ogg")

    class Deadly:
        """Kills the real child of a poisonous file while it works; or fails as a worker without memory does."""

        def extract(self, path: Path, *, source: str, **options: object) -> object:
            if "long" in source and death != "signal":
                raise MemoryError
            if "long" in source:
                server = services.extraction.start().pid
                subprocess.Popen(["sh", "-c", f"sleep 1; until pkill -SEGV -P {server}; do sleep 0.1; done"])
            return services.extraction.extract(path, source=source, **options)

    ingest = replace(services.ingest, extractor=Deadly())
    states = [ingest.run(poison, worker="w") for _ in range(3)]
    assert states == [JobState.QUEUED, JobState.QUEUED, JobState.QUARANTINED]
    assert ingest.run(good, worker="w") in {JobState.DONE, JobState.DEGRADED}
    incidents = services.catalogue.history(poison)[1]
    assert [incident.attempt for incident in incidents] == [1, 2, 3]
    found = incidents[-1].evidence
    assert found.sha256 is not None
    assert found.versions["essentia"]
    assert found.signal == ("SIGSEGV" if death == "signal" else None)
    expected = ErrorCode.EXTRACTION_SIGNAL if death == "signal" else ErrorCode.EXTRACTION_MEMORY
    assert services.catalogue.job(poison).error_code == expected


def test_fault_21_a_frozen_worker_that_wakes_up_is_refused(
    make: Callable[[], Services], services: Services, tmp_path: Path
) -> None:
    """Stopped for two leases, then continued: its finish finds that the token has moved on."""
    job_id = queue(services, music(tmp_path), "long.wav")
    zombie = in_another_process(lambda: make().ingest.run(job_id, worker="zombie"))
    wait_until(lambda: leased(services.catalogue, job_id))
    os.kill(zombie, signal.SIGSTOP)
    time.sleep(2 * LEASE_S)
    assert services.catalogue.expire_leases() == 1
    assert services.ingest.run(job_id, worker="second") in {JobState.DONE, JobState.DEGRADED}
    before = services.catalogue.history(job_id)
    os.kill(zombie, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(zombie, 0)[1]) == 0, "the zombie's result was taken"
    assert services.catalogue.history(job_id) == before


def test_fault_19_a_worker_told_to_leave_gives_its_job_back(
    make: Callable[[], Services], services: Services, tmp_path: Path, home: Path
) -> None:
    """SystemExit in the middle: queued again at once, no crash and no loss counted, nothing left in scratch."""
    job_id = queue(services, music(tmp_path), "long.wav")

    def leave_soon() -> None:
        signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit))
        make().ingest.run(job_id, worker="w")

    worker = in_another_process(leave_soon)
    wait_until(lambda: leased(services.catalogue, job_id))
    time.sleep(0.5)
    os.kill(worker, signal.SIGTERM)
    os.waitpid(worker, 0)
    job = services.catalogue.job(job_id)
    assert (job.state, job.crashes, job.losses) == (JobState.QUEUED, 0, 0)
    assert not list((home / "scratch").iterdir())
    wait_until(lambda: not processes_of(home, "extraction"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return the root of a file system of 20 MB; only root can mount one."""
    disk = tmp_path / "home"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_fault_18_a_full_disk_pauses_claims_and_recovers_alone(
    small_disk: Path, services: Services, tmp_path: Path
) -> None:
    """No job is claimed or blamed while there is no room; with room again the same worker goes on."""
    job_id = queue(services, music(tmp_path, "pad_slow_tide.ogg"), "pad_slow_tide.ogg")
    ingest = services.ingest
    (small_disk / "ballast").write_bytes(bytes(15 << 20))
    with pytest.raises(DiskFull, match="needed"):
        ingest.run(job_id, worker="w")
    job = services.catalogue.job(job_id)
    assert (job.state, job.attempt) == (JobState.QUEUED, 0)
    (small_disk / "ballast").unlink()
    assert ingest.run(job_id, worker="w") in {JobState.DONE, JobState.DEGRADED}


def test_fault_18_a_disk_that_fills_up_in_the_middle_costs_a_wait(
    small_disk: Path, services: Services, tmp_path: Path
) -> None:
    """The object does not fit into scratch: the job rests, and nothing is counted against it."""
    folder = music(tmp_path)
    job_id = queue(services, folder, "long.wav")
    assert small_disk.exists()
    assert services.ingest.run(job_id, worker="w") is JobState.RETRY_WAIT
    job = services.catalogue.job(job_id)
    assert (job.error_code, job.crashes, job.losses) == (ErrorCode.DISK_FULL, 0, 0)
    assert not list((small_disk / "scratch").iterdir())
    assert services.catalogue.due(Lane.NORMAL, limit=1) == []
