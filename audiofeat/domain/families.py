"""Families of instruments that are told apart, in the order in which their probabilities stand."""

from collections.abc import Mapping

FAMILIES: Mapping[str, str] = {
    "drums": "drums or cymbals are",
    "bass": "a bass guitar, plucked double bass or synthesised bass is",
    "guitar": "a guitar, banjo, mandolin, sitar or koto is",
    "keys": "a piano, harpsichord, organ or accordion is",
    "strings": "bowed or plucked strings of an orchestra are",
    "brass": "brass is",
    "reeds_pipes": "a saxophone, reed, flute or other pipe is",
    "synth": "a synthesiser is",
    "tuned_percussion": "a mallet instrument or bells are",
    "voice": "a voice, singing or speaking, is",
}
"""Each family, and what is to be heard of it."""
