"""The models that ship with the package: which file, which feature group reads it, and how it came about.

Training a model anew changes its file, so its hash here, its group's version and its card change with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from audiofeat.domain.registry import GROUP_VERSIONS
from audiofeat.errors import InvalidInput

_OFFLINE = "python -m audiofeat.features.offline"


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """One file of coefficients.

    Parameters
    ----------
    name : str
        What commands call it.
    file : str
        Its file in ``audiofeat/features/``.
    sha256 : str
        Of that file.
    group : str
        The feature group that reads it, by whose version its numbers are known.
    card : str
        Its model card, in the project's folder.
    training : str
        The command that fits it; the card says on what.
    """

    name: str
    file: str
    sha256: str
    group: str
    card: str
    training: str

    @property
    def version(self) -> int:
        """Version of the group that reads it."""
        return GROUP_VERSIONS[self.group]


SHIPPED: tuple[ShippedModel, ...] = (
    ShippedModel(
        "tempo", "tempo_model.json", "156f516c485d8eee871c67a5094271e7dd0732b29ba7138b5d35b036d8d0025d",
        "rhythm", "docs/models/tempo.md", f"{_OFFLINE}.train_tempo FOLDER",
    ),
    ShippedModel(
        "phase", "phase_model.json", "73d15fdf9936fbf85c0f5d8455d555186dcd6b1c08772273dd20b8aa2dddce97",
        "rhythm", "docs/models/tempo.md", f"{_OFFLINE}.train_meter FOLDER",
    ),
    ShippedModel(
        "meter", "meter_model.json", "c4210306398871fbb9c84faeca1ac54ab37a2d9c0ed372abe712d63b9de5697f",
        "rhythm", "docs/models/tempo.md", f"{_OFFLINE}.train_meter FOLDER",
    ),
    ShippedModel(
        "key", "key_model.json", "c375170bc088b02718c90003e21e82a6f579886306c9870b73a98458b873cb98",
        "tonal", "docs/models/key.md", f"{_OFFLINE}.train_key FOLDER",
    ),
    ShippedModel(
        "speech", "speech_model.json", "7fffc64177816772707ea8d5a1ea701e58d46304f586db347faf1aa78da7294c",
        "speech", "docs/models/speech.md", f"{_OFFLINE}.train_speech CORPUS",
    ),
    ShippedModel(
        "instruments", "instrument_model.npz", "680f2697e5e3761e17b641ee7a356b47fc3fe22003285f01816f044aa4abbda2",
        "instrumentation", "docs/models/instruments.md",
        f"{_OFFLINE}.train_instruments MIXES --unseen MIXES --spectrogram FILE",
    ),
    ShippedModel(
        "instrument-spectrogram", "instrument_spectrogram_model.npz",
        "2c2ae6349ee2dd2b38a02d2a5bf0586e577fbc3f0613b4e62648b67abf37f38b",
        "instrumentation", "docs/models/instruments.md", f"{_OFFLINE}.train_spectrogram MIXES OUT",
    ),
    ShippedModel(
        "mood", "mood_model.json", "5a7c84e1b33ed7ae0f960da7a0079d5c7e468c91aa9e9d2d4ff4389dfcf26ce9",
        "mood", "docs/models/mood.md", f"{_OFFLINE}.train_mood LABELS RECORDS",
    ),
    ShippedModel(
        "voices", "voices_model.json", "ac7f2222b330dcd48928defe845bb5c0abfe072422973be305708493cb160e4e",
        "delivery", "docs/models/voices.md", f"{_OFFLINE}.train_voices CORPUS",
    ),
    ShippedModel(
        "overlap", "overlap_model.json", "0fda79f70477d9ad539644dd2f4e9a81059aecee4da93557190d49a9357c7fde",
        "delivery", "docs/models/overlap.md", f"{_OFFLINE}.train_overlap CORPUS",
    ),
)  # fmt: skip
BY_NAME: Mapping[str, ShippedModel] = {model.name: model for model in SHIPPED}


def shipped(name: str) -> ShippedModel:
    """Return a shipped model by its name; raises InvalidInput."""
    if name not in BY_NAME:
        raise InvalidInput(f"there is no model {name!r}", f"known are {', '.join(BY_NAME)}")
    return BY_NAME[name]
