"""What an operator sees of a machine that runs: metrics and log lines after a known amount of work."""

import json
import shutil
from pathlib import Path
from urllib.request import urlopen

from commands import SAMPLES, Run, wait_until
from scraping import Samples, samples, value

CLIPS = ("pad_slow_tide.ogg", "dnb_neon_circuit.ogg", "noise_salt_wind.wav", "liner_notes.mp3")


def scrape(api: str) -> Samples:
    with urlopen(f"{api}/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return samples(response.read().decode())


def ingest_some(audiofeat: Run, folder: Path) -> None:
    """Ingest three clips that can be analysed and one text that cannot."""
    folder.mkdir()
    for clip in CLIPS:
        shutil.copy(SAMPLES / "audio" / clip, folder)
    assert audiofeat("ingest", folder).returncode == 3


def test_metrics_are_right_after_a_known_run(audiofeat: Run, api: str, tmp_path: Path) -> None:
    """Three files analysed and one refused, by pool processes, are what the API's /metrics says."""
    ingest_some(audiofeat, tmp_path / "music")
    # An attempt is over, and counted as that, a moment after the ledger knows how it ended.
    over = ("audiofeat_stage_seconds_count", frozenset({("stage", "job")}))
    wait_until(lambda: scrape(api).get(over) == 4)
    found = scrape(api)
    assert value(found, "audiofeat_job_ends_total", lane="normal", state="done") == 3
    assert value(found, "audiofeat_job_ends_total", lane="normal", state="rejected") == 1
    assert value(found, "audiofeat_extraction_child_ends_total", how="answered") == 4
    for stage, count in {"job": 4, "fetch": 4, "extract": 4, "finish": 3, "extract.rhythm": 3}.items():
        assert value(found, "audiofeat_stage_seconds_count", stage=stage) == count, stage
    shown = [json.loads(audiofeat("show", clip, "--json").stdout) for clip in CLIPS[:3]]
    seconds = sum(item["audio"]["decoded_duration_s"] for item in shown)
    assert abs(value(found, "audiofeat_audio_seconds_total") - seconds) < 1e-6
    names = {item["id"] for item in shown} | set(CLIPS)
    assert not [labels for _, labels in found if names & {value for _, value in labels}]


def test_a_jobs_story_is_in_the_workers_log(audiofeat: Run, api: str, tmp_path: Path) -> None:
    """One line for each end, as JSON, with job, item, attempt, lane and task; the refused file says why."""
    assert api
    ingest_some(audiofeat, tmp_path / "music")
    log = tmp_path / "home" / "workers.log"
    # What ended is told a moment later.
    wait_until(lambda: log.read_text().count('"job_ended"') == 4 and log.read_text().endswith("\n"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    ends = [line for line in lines if line["event"] == "job_ended"]
    assert sorted(line["state"] for line in ends) == ["done", "done", "done", "rejected"]
    for line in ends:
        assert {"job", "item", "attempt", "lane", "token", "task", "task_id"} <= line.keys()
        assert line["task"] == "audiofeat.analyse"
    (failed,) = [line for line in lines if line["event"] == "job_failed"]
    assert failed["code"] == "not_audio"
    (refused,) = [line for line in ends if line["state"] == "rejected"]
    assert failed["job"] == refused["job"]
