"""The mood head that ships with the package: coefficients of our own (``mood_model.json``, ``offline.train_mood``)."""

import json
from functools import cache
from pathlib import Path

from audiofeat.domain.heads import Head

MODEL_PATH = Path(__file__).with_name("mood_model.json")


@cache
def shipped() -> Head:
    """Return the head that ships with the package."""
    return Head.read(json.loads(MODEL_PATH.read_text()))
