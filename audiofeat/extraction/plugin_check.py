"""Tries a model that somebody brings: ``python -m audiofeat.extraction.plugin_check FILE LICENCE``.

Asked on stdin, in JSON: ``metadata``, and ``on``, name and spec of the model whose outputs it reads, or null.
Confined as an extraction child, since a damaged file may crash or eat what reads it. Prints one JSON object: the
``spec``, or the ``error`` and its ``remedy``.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from audiofeat.domain.plugin_inputs import FrontEnd, Tensor
from audiofeat.domain.plugin_models import MOST_OUTPUT, PluginSpec, spec_of
from audiofeat.errors import AudiofeatError, InvalidInput
from audiofeat.extraction import sandbox
from audiofeat.extraction.plugin_runs import run, session_of
from audiofeat.features.frames import Floats
from audiofeat.features.mel_front_ends import FRONT_ENDS

_DEADLINE_S = 120
_PATCHES = 2


def tried(
    path: Path, metadata: Mapping[str, Any], licence: str, base: tuple[str, PluginSpec] | None = None
) -> PluginSpec:
    """Return how to run a model, after it was run on noise; ``base`` is the one whose outputs it reads.

    Raises
    ------
    InvalidInput
        It does not load, does not run, or does not give finite numbers for each patch.
    """
    try:
        session = session_of(path)
    except Exception as error:
        raise InvalidInput(f"onnxruntime cannot open the model: {_said(error)}", "is it whole, and ONNX?") from error
    wrong = [entry.type for entry in session.get_inputs() if entry.type != "tensor(float)"]
    if wrong:
        raise InvalidInput(f"the model's input is a {wrong[0]}", "bring one that takes 32-bit floats")
    spec = spec_of(
        _tensors(session.get_inputs()), _tensors(session.get_outputs()), metadata, licence=licence, base=base
    )
    patches = _noise(spec, base)
    try:
        found = run(session, spec, patches)
    except Exception as error:
        raise InvalidInput(
            f"the model does not run on {list(patches.shape)}: {_said(error)}",
            "see its input's shape; say patch_frames",
        ) from error
    for name, values in found.items():
        if not 1 <= values.shape[1] <= MOST_OUTPUT:
            raise InvalidInput(
                f"output {name!r} has {values.shape[1]:,} values a patch", f"at most {MOST_OUTPUT:,} are kept"
            )
        if not np.isfinite(values).all():
            raise InvalidInput(f"output {name!r} is not finite for noise", "the file is damaged, or not for this input")
    sizes = {name: values.shape[1] for name, values in found.items()}
    if spec.classes and len(spec.classes) not in sizes.values():
        raise InvalidInput(
            f"the metadata name {len(spec.classes)} classes, the outputs have {', '.join(map(str, sizes.values()))}",
            "bring the metadata of this model",
        )
    return replace(spec, outputs=sizes)


def _noise(spec: PluginSpec, base: tuple[str, PluginSpec] | None) -> Floats:
    """Return two patches, or one where the model takes no more, of what it would be shown of noise."""
    rng, count = np.random.default_rng(1), min(_PATCHES, spec.batch or _PATCHES)
    if base is not None:
        return rng.normal(0, 1, (count, base[1].outputs[spec.on_output or ""])).astype(np.float32)
    if spec.front_end is FrontEnd.PCM:
        return rng.normal(0, 0.1, (count, spec.patch_frames)).astype(np.float32)
    front_end = FRONT_ENDS[spec.front_end]
    noise = rng.normal(0, 0.1, ((spec.patch_frames + 1) * front_end.hop + front_end.frame)).astype(np.float32)
    bands, _ = front_end.of_signal(noise)
    return np.stack([bands[at : at + spec.patch_frames] for at in range(count)])


def _tensors(nodes: list[Any]) -> list[Tensor]:
    return [Tensor(n.name, tuple(d if isinstance(d, int) and d > 0 else None for d in n.shape)) for n in nodes]


def _said(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__


def main() -> None:
    """Answer once."""
    path, licence = Path(sys.argv[1]), sys.argv[2]
    asked = json.loads(sys.stdin.read())
    base = (asked["on"]["name"], PluginSpec.read(asked["on"]["spec"])) if asked["on"] else None
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    sandbox.confine()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(_DEADLINE_S)
    try:
        said: dict[str, Any] = {"spec": tried(path, asked["metadata"], licence, base).document()}
    except AudiofeatError as error:
        said = {"error": error.message, "remedy": error.remedy}
    except MemoryError:
        said = {"error": "the model needs more memory than an extraction may have", "remedy": "bring a smaller one"}
    answers.write(json.dumps(said) + "\n")
    answers.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
