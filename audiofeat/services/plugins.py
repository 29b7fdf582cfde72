"""Models that somebody brings: tried, kept, and handed to the extraction of every worker."""

import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from audiofeat.domain.kept_models import KeptModel, ModelKind
from audiofeat.domain.plugin_models import checked_name, licence_of
from audiofeat.errors import HostFault, InvalidInput, ObjectMissing, SettingsInvalid, SourceNotFound
from audiofeat.ports import Catalogue, ObjectStore

MOST_BYTES = 512 << 20
_TIMEOUT_S = 180.0
_INSTALL = "pip install 'audiofeat[models]'"


def add(
    path: Path,
    *,
    catalogue: Catalogue,
    artefacts: ObjectStore,
    metadata_path: Path | None = None,
    name: str | None = None,
    licence: str | None = None,
    noncommercial: bool = False,
    on: str | None = None,
) -> KeptModel:
    """Try a model, keep it, and have every worker run it from now on.

    Parameters
    ----------
    on : str, optional
        Name of the plug-in whose outputs this one reads, patch by patch, in place of sound.

    Raises
    ------
    SourceNotFound
        A file does not exist.
    InvalidInput
        It cannot be run, its licence is unknown or not allowed, the same file is in use under this name, or others
        read what the model of this name says.
    SettingsInvalid
        onnxruntime is not installed.
    """
    _require_runtime()
    metadata = _metadata(metadata_path)
    called = checked_name(name or path.stem)
    agreed = licence_of(metadata, licence, noncommercial=noncommercial)
    kept = catalogue.models()
    base = _plugin(on, kept) if on else None
    _require_alone(called, kept)
    body = _body(path)
    spec = _tried(path, metadata, agreed, base)
    digest = hashlib.sha256(body).hexdigest()
    key = f"models/{digest}.onnx"
    in_use = next((model for model in kept if model.name == called), None)
    document = {
        "spec": spec,
        "key": key,
        "file": path.name,
        "bytes": len(body),
        "origin": str(metadata.get("name", "")),
    }
    if in_use and in_use.kind is ModelKind.PLUGIN and in_use.document == document:
        raise InvalidInput(f"this very file is in use as {called} already", "nothing is to be done")
    if in_use and in_use.kind not in {ModelKind.PLUGIN, ModelKind.REMOVED}:
        raise InvalidInput(f"{called} is the name of a head", "give another one with --name")
    artefacts.put(key, body)
    return catalogue.keep_model(called, ModelKind.PLUGIN, document)


def remove(name: str, *, catalogue: Catalogue) -> KeptModel:
    """Run a plug-in no longer; what it has said stays. Raises InvalidInput where there is none, or others read it."""
    kept = catalogue.models()
    _require_alone(_plugin(name, kept).name, kept)
    return catalogue.keep_model(name, ModelKind.REMOVED, {})


def _plugin(name: str, kept: Sequence[KeptModel]) -> KeptModel:
    found = next((model for model in kept if model.name == name and model.kind is ModelKind.PLUGIN), None)
    if found is None:
        raise InvalidInput(f"no plug-in model is called {name!r}", "see audiofeat models list")
    return found


def _require_alone(name: str, kept: Sequence[KeptModel]) -> None:
    """Raise InvalidInput where other models read what this one says: they were tried on this very file."""
    readers = [m.name for m in kept if m.kind is ModelKind.PLUGIN and m.document["spec"].get("on") == name]
    if readers:
        raise InvalidInput(
            f"{', '.join(readers)} read{'s' if len(readers) == 1 else ''} what {name} says",
            f"remove first: audiofeat models remove {readers[0]}",
        )


def orders(kept: Sequence[KeptModel], *, artefacts: ObjectStore, folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the extraction is told of each plug-in, its file fetched once for each host.

    Raises
    ------
    HostFault
        This host has no onnxruntime: a worker of another one can do it.
    """
    plugins = [model for model in kept if model.kind is ModelKind.PLUGIN]
    if plugins and importlib.util.find_spec("onnxruntime") is None:
        raise HostFault("plug-in models are in use, and onnxruntime is not installed here", _INSTALL)
    return {
        model.group: {
            "version": model.version,
            "path": str(_local(model.document["key"], artefacts, folder)),
            "spec": model.document["spec"],
        }
        for model in plugins
    }


def faults(kept: Sequence[KeptModel], *, artefacts: ObjectStore) -> dict[str, str | None]:
    """Return what is wrong with the kept file of each plug-in, by name; None where it is the one that was tried."""
    return {model.name: _fault(model.document["key"], artefacts) for model in kept if model.kind is ModelKind.PLUGIN}


def _fault(key: str, artefacts: ObjectStore) -> str | None:
    try:
        _kept_body(key, artefacts)
    except ObjectMissing:
        return f"{key} is gone from the artefact store: add the model again"
    except HostFault as error:
        return f"{error.message}: {error.remedy}"
    return None


def _kept_body(key: str, artefacts: ObjectStore) -> bytes:
    body, _ = artefacts.get(key)
    if hashlib.sha256(body).hexdigest() != Path(key).stem:
        raise HostFault(f"{key} in the artefact store is not what was kept", "add the model again")
    return body


def _local(key: str, artefacts: ObjectStore, folder: Path) -> Path:
    path = folder / key
    if not path.exists():
        body = _kept_body(key, artefacts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as part:
            part.write(body)
        Path(part.name).replace(path)
    return path.absolute()


def _require_runtime() -> None:
    if importlib.util.find_spec("onnxruntime") is None:
        raise SettingsInvalid("onnxruntime is not installed", _INSTALL)


def _metadata(path: Path | None) -> Mapping[str, Any]:
    if path is None:
        return {}
    try:
        metadata = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no file {path}", "give one with --metadata") from error
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{path} is no JSON: {error}", "bring the metadata that came with the model") from error
    if not isinstance(metadata, dict):
        raise InvalidInput(f"{path} holds no JSON object", "bring the metadata that came with the model")
    return metadata


def _body(path: Path) -> bytes:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InvalidInput(
                f"{path} has {path.stat().st_size >> 20:,} MB", f"at most {MOST_BYTES >> 20:,} MB are taken"
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise SourceNotFound(f"there is no file {path}", "give the path of an ONNX file") from error
    except OSError as error:
        raise SourceNotFound(f"{path} cannot be read: {error.strerror}", "give the path of an ONNX file") from error


def _tried(path: Path, metadata: Mapping[str, Any], licence: str, base: KeptModel | None) -> dict[str, Any]:
    asked = {"metadata": metadata, "on": base and {"name": base.name, "spec": base.document["spec"]}}
    command = [sys.executable, "-m", "audiofeat.extraction.plugin_check", str(path.absolute()), licence]
    environment = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ}
    try:
        trial = subprocess.run(
            command, input=json.dumps(asked), capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
            env=environment,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise InvalidInput(
            f"{path} was not done with two patches in {_TIMEOUT_S:.0f} s", "bring a smaller one"
        ) from error
    if trial.returncode or not trial.stdout:
        last_line = (trial.stderr.strip().splitlines() or ["no message"])[-1]
        raise InvalidInput(f"onnxruntime ends on {path} ({trial.returncode}): {last_line}", "is it whole, and ONNX?")
    said = json.loads(trial.stdout)
    if "error" in said:
        raise InvalidInput(said["error"], said["remedy"])
    spec: dict[str, Any] = said["spec"]
    return spec
