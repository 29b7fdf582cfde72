"""Frozen dataclasses and pure rules: no I/O, no vendor but numpy."""
