"""The models at hand: whether the shipped files are those that were published, and whether they load."""

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import audiofeat
from audiofeat.domain.heads import Head
from audiofeat.domain.models import SHIPPED, ShippedModel, shipped

FOLDER = Path(audiofeat.__path__[0]) / "features"
_TIMEOUT_S = 120.0


def shipped_mood() -> Head:
    """Return the mood head that ships with the package."""
    return Head.read(json.loads((FOLDER / shipped("mood").file).read_text()))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with a model; None where nothing is."""

    model: ShippedModel
    fault: str | None


def verify(models: tuple[ShippedModel, ...] = SHIPPED, *, folder: Path = FOLDER) -> list[Verdict]:
    """Hold each file against its hash, and run each group that reads one in a throw-away process."""
    running = _faults_of_groups({model.group for model in models})
    return [Verdict(model, _fault_of_file(model, folder) or running[model.group]) for model in models]


def _fault_of_file(model: ShippedModel, folder: Path) -> str | None:
    try:
        found = hashlib.sha256((folder / model.file).read_bytes()).hexdigest()
    except OSError as error:
        return f"{model.file} cannot be read: {error.strerror}"
    return None if found == model.sha256 else f"{model.file} is not the published file: its sha256 is {found}"


def _faults_of_groups(groups: set[str]) -> dict[str, str | None]:
    command = [sys.executable, "-m", "audiofeat.extraction.rehearsal", *sorted(groups)]
    trial = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )
    if trial.returncode:
        last_line = (trial.stderr.strip().splitlines() or ["no message"])[-1]
        return dict.fromkeys(groups, f"the analysis does not start ({trial.returncode}): {last_line}")
    # Native libraries may have printed before.
    found: dict[str, str | None] = json.loads(trial.stdout.strip().splitlines()[-1])
    return found
