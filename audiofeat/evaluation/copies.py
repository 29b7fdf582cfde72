"""Copies of files that differ in what should not matter, written by a process of their own."""

from pathlib import Path

from audiofeat.evaluation.line_program import LineProgram

HALVES = ("first half", "second half")
# What must not change what is said of a piece.
ROBUSTNESS = ("-12 dB", "trimmed", "mono", "MP3 128 kbit/s", "AAC 96 kbit/s", "Opus 64 kbit/s")


class Copier(LineProgram):
    """A running copier; it decodes with what the extraction decodes with.

    Parameters
    ----------
    folder : Path
        Where copies are written; each file's replace those of the file before.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__("audiofeat.evaluation.copies_program", str(folder))

    def copies(self, path: Path, names: tuple[str, ...]) -> dict[str, Path]:
        """Return the copies of a file by name; those that could not be made are left out."""
        made = self.ask([str(path.absolute()), *names]) or {}
        return {name: Path(where) for name, where in made.items()}
