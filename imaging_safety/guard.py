"""Ends what we started when we die by kill -9, on systems whose kernel does not (macOS).

It reads process numbers from its standard input, which nobody but our parent can write to: the
input ends when the parent does, however it died.
"""

import os
import signal
import sys
import time

# SIGINT first: PostgreSQL then rolls back and stops at once, instead of waiting for its clients.
PATIENCE = ((signal.SIGINT, 2.0), (signal.SIGTERM, 3.0), (signal.SIGKILL, 0.0))


def main() -> None:
    watched = [int(line) for line in sys.stdin]
    for how, seconds in PATIENCE:
        for leader in watched:
            try:
                os.killpg(leader, how)
            except (ProcessLookupError, PermissionError):
                continue
        time.sleep(seconds)


if __name__ == "__main__":
    main()
