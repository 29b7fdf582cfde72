"""The ledger against a model of a few lines: any order of claims, results, faults and silence."""

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule

from audiofeat.catalogue import open_catalogue
from audiofeat.domain.items import Kind, KindSource, ObjectVersion
from audiofeat.domain.jobs import (
    CHANGES,
    CRASH_BUDGET,
    FINAL_STATES,
    LOSS_BUDGET,
    Change,
    Claim,
    JobFilter,
    JobState,
    Lane,
    Outcome,
    Registration,
)

LEASE_S = 10.0
LONGEST_BACKOFF_S = 900.0
JOBS = 3
FAULT = {"code": "fault", "message": "made by the test"}


@dataclass
class Model:
    """What a job should look like."""

    state: JobState = JobState.QUEUED
    token: str | None = None
    lease_until: float = 0.0
    attempt: int = 0
    crashes: int = 0
    losses: int = 0
    results: list[str] = field(default_factory=list)

    def end(self, state: JobState) -> None:
        self.state, self.token = state, None

    def lose(self) -> None:
        self.losses += 1
        self.end(JobState.QUARANTINED if self.losses >= LOSS_BUDGET else JobState.QUEUED)


class LedgerMachine(RuleBasedStateMachine):
    """Three jobs, any number of workers, of which some come back from the dead with an old claim."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_700_000_000.0
        self.folder = Path(tempfile.mkdtemp(prefix="audiofeat-ledger-"))
        self.catalogue = open_catalogue(f"sqlite:///{self.folder}/ledger.sqlite3", clock=lambda: self.now)
        self.registrations = [Registration(ObjectVersion("music", f"{n}.wav", "1")) for n in range(JOBS)]
        self.model: dict[str, Model] = {}

    def teardown(self) -> None:
        self.catalogue.close()
        shutil.rmtree(self.folder)

    @initialize()
    def register(self) -> None:
        self.model = {job.job_id: Model() for job in self.catalogue.register(self.registrations)}

    @rule()
    def register_again(self) -> None:
        answers = self.catalogue.register(self.registrations)
        assert not any(answer.is_new for answer in answers)

    @rule(target=claims, n=st.integers(0, JOBS - 1))
    def claim(self, n: int) -> object:
        job_id = list(self.model)[n]
        model = self.model[job_id]
        claim = self.catalogue.claim(job_id, worker="w", lease_s=LEASE_S)
        assert (claim is not None) == (model.state is JobState.QUEUED)
        if claim is None:
            return multiple()
        model.attempt += 1
        model.state, model.token, model.lease_until = JobState.LEASED, claim.token, self.now + LEASE_S
        assert claim.attempt == model.attempt
        return claim

    def held(self, claim: Claim) -> Model | None:
        model = self.model[claim.job_id]
        return model if model.token == claim.token else None

    @rule(claim=claims)
    def heartbeat(self, claim: Claim) -> None:
        model = self.held(claim)
        assert self.catalogue.heartbeat(claim, lease_s=LEASE_S) == (model is not None)
        if model:
            model.lease_until = self.now + LEASE_S

    @rule(claim=claims)
    def finish(self, claim: Claim) -> None:
        model = self.held(claim)
        outcome = Outcome(
            state=JobState.DONE,
            sha256=claim.token,
            audio={"decoded_duration_s": 1.0},
            flags=(),
            groups=(),
            extractor={},
            kind=Kind.TRACK,
            kind_source=KindSource.INFERRED,
            descriptor=b"\0\0\0\0",
        )
        assert self.catalogue.finish(claim, outcome) == (model is not None)
        if model:
            model.end(JobState.DONE)
            model.results.append(claim.token)

    @rule(claim=claims)
    def reject(self, claim: Claim) -> None:
        model = self.held(claim)
        assert self.catalogue.reject(claim, **FAULT) == (model is not None)
        if model:
            model.end(JobState.REJECTED)

    @rule(claim=claims)
    def crash(self, claim: Claim) -> None:
        model = self.held(claim)
        state = self.catalogue.crash(claim, **FAULT)
        if model:
            model.crashes += 1
            model.end(JobState.QUARANTINED if model.crashes >= CRASH_BUDGET else JobState.QUEUED)
        assert state == (model.state if model else None)

    @rule(claim=claims)
    def postpone(self, claim: Claim) -> None:
        model = self.held(claim)
        state = self.catalogue.postpone(claim, **FAULT)
        assert state == (JobState.RETRY_WAIT if model else None)
        if model:
            model.end(JobState.RETRY_WAIT)

    @rule(claim=claims)
    def release(self, claim: Claim) -> None:
        model = self.held(claim)
        self.catalogue.release(claim)
        if model:
            model.end(JobState.QUEUED)

    @rule(change=st.sampled_from(list(Change)), n=st.integers(0, JOBS - 1))
    def somebody_intervenes(self, change: Change, n: int) -> None:
        job_id = list(self.model)[n]
        model = self.model[job_id]
        froms, after = CHANGES[change]
        able = model.state in froms
        assert self.catalogue.change_jobs(change, JobFilter(job_ids=(job_id,))) == able
        if able:
            model.end(after)
            if change is Change.REPLAY:
                model.crashes = model.losses = 0

    @rule(claim=claims)
    def its_process_dies(self, claim: Claim) -> None:
        model = self.held(claim)
        assert self.catalogue.lose(claim.token) == (model is not None)
        if model:
            model.lose()

    @rule()
    def everybody_falls_silent(self) -> None:
        self.now += LONGEST_BACKOFF_S
        changed = 0
        for model in self.model.values():
            if model.state is JobState.LEASED:
                model.lose()
                changed += 1
            elif model.state is JobState.RETRY_WAIT:
                model.end(JobState.QUEUED)
                changed += 1
        assert self.catalogue.expire_leases() + self.catalogue.wake_rested() == changed

    @rule(seconds=st.floats(0.5, LEASE_S + 1))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @invariant()
    def ledger_and_model_agree(self) -> None:
        for job_id, model in self.model.items():
            job = self.catalogue.job(job_id)
            assert (job.state, job.attempt, job.crashes, job.losses) == (
                model.state, model.attempt, model.crashes, model.losses,
            )  # fmt: skip
            row = self.catalogue.embedding_of(job.item_id)
            assert ([row.sha256] if row else []) == model.results
        due = self.catalogue.due(Lane.NORMAL, limit=JOBS)
        assert due == [job_id for job_id, model in self.model.items() if model.state is JobState.QUEUED]
        assert all(model.token is None for model in self.model.values() if model.state in FINAL_STATES)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
