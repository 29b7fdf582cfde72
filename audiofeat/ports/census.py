"""How the work stands, for whoever watches over it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from audiofeat.domain.items import Kind
from audiofeat.domain.jobs import JobState, Lane
from audiofeat.ports.ledger import WorkerView

LEAST_FREE_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class LaneView:
    """How one lane stands.

    Parameters
    ----------
    jobs : mapping
        How many are in each state; states without any are left out.
    oldest_due_s : float or None
        For how long the first of its queue has been due; None where the queue is empty.
    idle_s : float or None
        Time since a worker last took or ended one of its jobs; None where none did within the window.
    ended : int
        Jobs that workers ended within the window.
    audio_s : float
        Seconds of audio behind these.
    """

    lane: Lane
    jobs: Mapping[JobState, int]
    oldest_due_s: float | None
    idle_s: float | None
    ended: int
    audio_s: float


@dataclass(frozen=True, slots=True)
class IndexState:
    """The index of a kind that was published last: its age, and the share of the kind's items that it holds."""

    release: str
    space: str
    age_s: float
    items: int
    coverage_ratio: float


@dataclass(frozen=True, slots=True)
class CensusView:
    """How all lanes stand, how many jobs each worker holds, and the index of each kind; None where there is none."""

    lanes: tuple[LaneView, ...]
    held: Mapping[str, int]
    indexes: Mapping[Kind, IndexState | None]


class Census(Protocol):
    """Counts of what the ledger holds."""

    def census(self, *, window_s: float) -> CensusView:
        """Return how everything stands; what happened is counted over the last ``window_s`` seconds."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker that is there, how many jobs it holds, and the lanes of which it takes none although it could."""

    view: WorkerView
    held: int
    stalled_lanes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Survey:
    """What a census comes to.

    Parameters
    ----------
    unattended_lanes : tuple of str
        Something waits in them, and no worker takes from them.
    free_bytes : int
        Under the home folder of whoever looks.
    window_s : float
        Over which the lanes' doings were counted.
    """

    lanes: tuple[LaneView, ...]
    workers: tuple[WorkerState, ...]
    unattended_lanes: tuple[str, ...]
    indexes: Mapping[Kind, IndexState | None]
    free_bytes: int
    window_s: float

    def count(self, state: JobState) -> int:
        """Return how many jobs are in a state, over all lanes."""
        return sum(lane.jobs.get(state, 0) for lane in self.lanes)

    @property
    def warnings(self) -> list[str]:
        """What somebody should look at."""
        told = [
            f"{worker.view.name} has a free slot and takes nothing from {', '.join(worker.stalled_lanes)}"
            for worker in self.workers
            if worker.stalled_lanes
        ]
        told += [f"no worker takes jobs from {lane}" for lane in self.unattended_lanes]
        if self.free_bytes < LEAST_FREE_BYTES:
            told.append(f"{self.free_bytes >> 20} MB are free, {LEAST_FREE_BYTES >> 20} are needed")
        return told
