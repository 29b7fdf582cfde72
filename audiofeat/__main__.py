"""``python -m audiofeat`` is the command ``audiofeat``."""

from audiofeat.cli.main import main

main()
