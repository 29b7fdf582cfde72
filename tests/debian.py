"""Install the Debian packages that some tests need: as root, saying what; else say what is missing and go on.

No system service is started: the tests run throw-away servers of their own. ``NO_APT=1`` installs nothing.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# A program or file that shows that a package is there, and the package.
NEEDED = {
    "postgres": "postgresql",
    "rabbitmq-server": "rabbitmq-server",
    "ceph-mon": "ceph-mon",
    "ceph-osd": "ceph-osd",
    "ceph": "ceph-common",
    "radosgw": "radosgw",
    "curl": "curl",
    "fluidsynth": "fluidsynth",
    "/usr/share/sounds/sf2/sf_GMbank.sf2": "csound-soundfont",
    "timidity": "timidity",
    "/etc/timidity/freepats.cfg": "freepats",
}
_POLICY = Path("/usr/sbin/policy-rc.d")


def present(program: str) -> bool:
    """Tell whether a program is on PATH or where Debian puts PostgreSQL's, or a file is there."""
    if program.startswith("/"):
        return Path(program).exists()
    return bool(shutil.which(program)) or any(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))


def main() -> int:
    """Install what is missing; return the exit status."""
    missing = sorted({package for program, package in NEEDED.items() if not present(program)})
    if not missing:
        return 0
    command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *missing]
    if os.geteuid() != 0 or os.environ.get("NO_APT") or not shutil.which("apt-get"):
        print(f"not installed, tests that need them are skipped: {' '.join(missing)} (as root: {' '.join(command)})")
        return 0
    print(f"installing Debian packages, starting no service: {' '.join(missing)}", flush=True)
    had_policy = _POLICY.exists()
    if not had_policy:
        _POLICY.write_text("#!/bin/sh\nexit 101\n")
        _POLICY.chmod(0o755)
    try:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for step in (["apt-get", "update", "--quiet"], command):
            subprocess.run(step, check=True, env=environment, stdout=subprocess.DEVNULL)
    except subprocess.CalledProcessError as error:
        print(f"apt-get failed with {error.returncode}; tests that need {' '.join(missing)} are skipped")
    finally:
        if not had_policy:
            _POLICY.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
