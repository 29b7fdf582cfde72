"""How many requests a caller may make: so many at once, then so many in a time, by one number for each caller."""

import math
from dataclasses import dataclass

_MOST_CALLERS = 10_000


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller has left; ``wait_s`` is above zero where this request was one too many."""

    quota: int
    window_s: float
    remaining: int
    full_in_s: float
    wait_s: float = 0.0

    @property
    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers-10."""
        return {
            "RateLimit-Policy": f'"requests";q={self.quota};w={math.ceil(self.window_s)}',
            "RateLimit": f'"requests";r={self.remaining};t={math.ceil(self.full_in_s)}',
        }


class RateLimiter:
    """The generic cell rate algorithm (ITU-T I.371): a bucket of ``quota`` that refills within ``window_s``.

    For each caller it remembers when the bucket will be full again, nothing else.

    Parameters
    ----------
    quota : int
        Requests at once.
    window_s : float
        Seconds until they are all there again.
    """

    def __init__(self, quota: int, window_s: float) -> None:
        self._quota = quota
        self._window_s = window_s
        self._full_at: dict[str, float] = {}

    def take(self, who: str, now: float) -> Allowance:
        """Count a request of somebody at a time, unless it is one too many."""
        each_s = self._window_s / self._quota
        full_at = max(self._full_at.get(who, now), now)
        wait_s = full_at + each_s - (now + self._window_s)
        # Rounding must not cost the last request of a full bucket.
        if wait_s > each_s * 1e-6:
            return Allowance(self._quota, self._window_s, 0, full_at - now, wait_s)
        self._full_at[who] = full_at + each_s
        if len(self._full_at) > _MOST_CALLERS:
            self._full_at = {name: at for name, at in self._full_at.items() if at > now}
        left_s = self._window_s - (full_at + each_s - now)
        return Allowance(
            self._quota, self._window_s, max(0, round(left_s / each_s - 0.5 + 1e-6)), full_at + each_s - now
        )
