"""``python -m workers``: what ``celery --app workers.app worker`` runs, without loading the rest of that program."""

import argparse
import logging
import sys

from workers.app import app


def main() -> None:
    """Work until told to end."""
    parser = argparse.ArgumentParser(prog="python -m workers")
    parser.add_argument("--queues", required=True, help="in the order in which they are looked at")
    parser.add_argument("--concurrency", type=int, required=True, help="processes")
    parser.add_argument("--hostname", required=True, help="NAME@HOST")
    worker = app.Worker(
        **vars(parser.parse_args()),
        loglevel=logging.WARNING,
        quiet=True,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
    )
    worker.start()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
