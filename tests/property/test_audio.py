"""Whatever the bytes: either they are rejected with a code, or they give finite blocks."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audiofeat.audio.decode import Decoder
from audiofeat.audio.gates import Gates
from audiofeat.audio.probe import probe
from audiofeat.codes import ErrorCode
from audiofeat.domain.block import summed
from audiofeat.errors import AudioRejected
from tests.synthesis import noise, write

FORMS = ("wav", "float", "aiff", "flac", "ogg", "mp3", "m4a", "aac")
RATE_HZ = 22_050
EXAMPLES = 8


@cache
def whole(form: str) -> bytes:
    with TemporaryDirectory() as folder:
        return write(Path(folder) / "a", noise(0.5, rate_hz=RATE_HZ), rate_hz=RATE_HZ, form=form).read_bytes()


def read(content: bytes) -> None:
    """Probe, decode and gate; anything but AudioRejected is a failure."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        path.write_bytes(content)
        try:
            facts = probe(path, max_duration_s=60.0)
            gates = Gates(rate_hz=facts.rate_hz, channels=facts.channels)
            begun = 0
            for pcm in Decoder(facts).blocks():
                assert pcm.dtype == np.float32
                assert pcm.shape[1] == facts.channels
                assert len(pcm)
                block = summed(pcm, facts.rate_hz, begun=begun)
                begun += len(pcm)
                assert np.isfinite(gates.mono(block)).all()
            gates.flags()
        except AudioRejected as error:
            code, message = error.code, error.message
        else:
            return
    assert isinstance(code, ErrorCode)
    assert message


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(share=st.floats(0, 1))
def test_any_cut(form: str, share: float) -> None:
    """A file may end anywhere."""
    content = whole(form)
    read(content[: int(share * len(content))])


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(header=st.integers(4, 200), tail=st.binary(max_size=2_000))
def test_any_bytes_behind_a_header(form: str, header: int, tail: bytes) -> None:
    """The first bytes may be right and the rest nonsense."""
    read(whole(form)[:header] + tail)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=EXAMPLES, deadline=None)
@given(changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=20))
def test_any_damage(form: str, changes: list[tuple[float, int]]) -> None:
    """Bytes may be changed anywhere, in the header too."""
    content = bytearray(whole(form))
    for share, value in changes:
        content[int(share**2 * len(content))] = value
    read(bytes(content))


@settings(max_examples=10 * EXAMPLES, deadline=None)
@given(content=st.binary(max_size=3_000))
def test_any_bytes(content: bytes) -> None:
    """No bytes at all need to make sense."""
    read(content)
