"""``python -m audiofeat.api``: serve the API, as ``audiofeat up`` and the container do."""

import os
import sys
from contextlib import suppress

# The matrices of a lookup are small: threads that share one wait for each other longer than they work.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from audiofeat import logs
from audiofeat.api.serve import run
from audiofeat.bootstrap import Services, load_settings
from audiofeat.errors import AudiofeatError, SettingsInvalid, UsageError


def main() -> int:
    """Serve until told to stop, and return the exit code."""
    try:
        # After its own clean shutdown uvicorn raises the signal once more.
        with suppress(KeyboardInterrupt):
            settings = load_settings()
            logs.configure(level=settings.log_level, as_json=settings.logs_json, secrets=settings.secrets)
            run(Services(settings, process=f"api.{settings.api_port}"))
    except AudiofeatError as error:
        sys.stderr.write(f"error [{error.code}]: {error.message}\n")
        if error.remedy:
            sys.stderr.write(f"remedy: {error.remedy}\n")
        return 2 if isinstance(error, UsageError | SettingsInvalid) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
