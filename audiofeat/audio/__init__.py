"""From bytes to blocks of PCM: sniff, probe, decode, gates."""
