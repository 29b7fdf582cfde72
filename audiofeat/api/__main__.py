"""``python -m audiofeat.api``: serve the API, as ``audiofeat up`` and the container do."""

import sys
from contextlib import suppress

from audiofeat.api.serve import run
from audiofeat.bootstrap import Services, load_settings
from audiofeat.errors import AudiofeatError, SettingsInvalid, UsageError


def main() -> int:
    """Serve until told to stop, and return the exit code."""
    try:
        # After its own clean shutdown uvicorn raises the signal once more.
        with suppress(KeyboardInterrupt):
            run(Services(load_settings()))
    except AudiofeatError as error:
        sys.stderr.write(f"error [{error.code}]: {error.message}\n")
        if error.remedy:
            sys.stderr.write(f"remedy: {error.remedy}\n")
        return 2 if isinstance(error, UsageError | SettingsInvalid) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
