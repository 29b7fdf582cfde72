"""Annoy: build, measure, publish, open, search, and the fresh overlay on top."""
