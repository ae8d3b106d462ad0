"""`make test`: every check and every test, against real servers. pytest's last line comes last.

The checks run beside the tests and are long done when the tests are. What they find stands where
it was found, among the tests' dots.

What cannot be run here is said loudly; with CI=true it is a failure.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import browser
from tests.faults import turned

HERE = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() == "true"
ROOMS = ("imaging_safety", "findings", "notifications")


def say(sentence: str) -> None:
    print(sentence, flush=True)


def module(name: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", name, *arguments]


def manage(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", *arguments]


def checks() -> Iterator[tuple[str, list[str]]]:
    """Name and command of each check; the quick ones first."""
    yield "ruff", module("ruff", "check", ".")
    yield "ruff format", module("ruff", "format", "--check", ".")
    yield "migrations", manage("makemigrations", "--check", "--dry-run")
    yield "layers", [str(Path(sys.executable).with_name("lint-imports"))]
    yield "generated docs", manage("write_state_docs", "--check")
    yield "templates", module("djlint", "templates", "--lint", "--quiet")
    yield "types", module("mypy", *ROOMS)


def run_checks() -> list[str]:
    """The names of those that failed."""
    failed = []
    for name, command in checks():
        began = time.monotonic()
        done = subprocess.run(command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        word = "FAILED" if done.returncode else "ok"
        say(f"\n{name}: {word} ({time.monotonic() - began:.1f} s)")
        if done.returncode:
            say(done.stdout.decode(errors="replace"))
            say(f"*** The check of {name} FAILED. The tests go on. ***\n")
            failed.append(name)
    return failed


def missing() -> list[str]:
    """What this machine lacks, after installing what we may."""
    lacking = []
    if not browser.chromium() and not browser.install_chromium():
        lacking.append("a browser: install Chromium to run the browser tests")
    if not shutil.which("redis-server"):
        lacking.append("Redis: install redis-server to test it beside Valkey")
    if not turned.library():
        lacking.append("libfaketime: install it to try a database whose clock goes back")
    return lacking


def run_tests(lacks_browser: bool) -> int:
    # In the order of tests/conftest.py, which begins with the files that take long. Three workers
    # even on two cores: tests with real processes wait a lot.
    command = module("pytest", "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder")
    command += sys.argv[1:]
    if lacks_browser:
        command += ["-m", "not browser"]
    return subprocess.run(command, cwd=HERE).returncode


def keep_what_is_compiled() -> None:
    """Some images forbid it. Then each of a hundred processes compiles every module again, and each
    of three workers rewrites every assert: four seconds of a core each."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def main() -> int:
    keep_what_is_compiled()
    lacking = missing()
    for what in lacking:
        say(f"\n*** NOT TESTED for lack of {what}. ***\n")
    # The checks need a database and the tests use the same; this starts both servers, once.
    from tests import services_plugin  # noqa: F401

    with ThreadPoolExecutor(max_workers=1) as beside:
        checked = beside.submit(run_checks)
        code = run_tests(lacks_browser=not browser.chromium())
    return code or int(bool(checked.result()) or (IN_CI and bool(lacking)))


if __name__ == "__main__":
    sys.exit(main())
