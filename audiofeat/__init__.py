"""audiofeat listens to a catalogue of tracks and podcasts and answers what sounds like what."""

__version__ = "0.1.0"
