"""Where the browser is that the browser tests drive, and how a machine gets one."""

import os
import shutil
import subprocess

# The first is Chromium without its windows: it lays out, draws and runs scripts alike, and takes
# three quarters of the processor's time.
NAMES = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)


def chromium() -> str | None:
    """The path of a Chromium: the one named by CHROMIUM, or the system's."""
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


def install_chromium() -> str | None:
    """Debian's, where we are root and may."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    print("Installing Chromium for the browser tests.", flush=True)
    quiet = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    unasked = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    install = ["install", "-y", "--no-install-recommends", "fonts-liberation"]
    # An older Debian has only the second.
    for arguments in (["update"], [*install, NAMES[0]], [*install, NAMES[1]]):
        if not chromium():
            subprocess.run(["apt-get", "-qq", *arguments], env=unasked, check=False, **quiet)
    return chromium()
