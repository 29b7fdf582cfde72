"""The hours in which a batch may work, such as 22:00-06:00."""

import re
from dataclasses import dataclass
from datetime import time
from typing import Self

from audiofeat.errors import InvalidInput

_FORM = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


@dataclass(frozen=True, slots=True)
class Window:
    """From one time of day to another, over midnight where the end is the earlier one."""

    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the window that ``HH:MM-HH:MM`` means.

        Raises
        ------
        InvalidInput
            The text has another form, names no time of day, or nothing lies between the two.
        """
        found = _FORM.fullmatch(text)
        try:
            start, end = (time(int(found[n]), int(found[n + 1])) for n in (1, 3)) if found else (time(), time())
        except ValueError:
            start = end = time()
        if start == end:
            raise InvalidInput(f"{text!r} is no window", "give two times of day, as in 22:00-06:00")
        return cls(start, end)

    def __contains__(self, moment: time) -> bool:
        """Tell whether a time of day lies in the window.

        Examples
        --------
        >>> [time(23, 0) in Window.parse("22:00-06:00"), time(6, 0) in Window.parse("22:00-06:00")]
        [True, False]
        """
        if self.start < self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end
