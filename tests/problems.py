"""What the tests of the HTTP API read of a refusal."""

from typing import Any


def refused(answer: Any, status: int) -> str:
    """Return what a problem says and advises."""
    assert answer.status_code == status, answer.text
    problem = answer.json()
    return f"{problem['detail']} {problem['remedy']}"
