"""Settings that only make tests quicker: static files from their source, quick password hashes,
templates that another worker compiled, less looking for garbage.

tests/functional/test_static_files.py collects them for real and looks at the result.
"""

import gc
import tempfile

import pytest
from jinja2 import FileSystemBytecodeCache

_empty = tempfile.TemporaryDirectory(prefix="imaging-safety-static-")


def pytest_configure(config: pytest.Config) -> None:
    from django.conf import settings

    # A hash that is slow on purpose would be half of every test that signs in.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Each worker compiled every template for itself.
    compiled = FileSystemBytecodeCache(str(config.cache.mkdir("templates")))
    settings.TEMPLATES[0]["OPTIONS"]["bytecode_cache"] = compiled
    # WhiteNoise warns of a directory that is not there, and our warnings are errors.
    settings.STATIC_ROOT = _empty.name
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def pytest_collection_finish() -> None:
    """What is loaded by now stays until the end: looking through it for garbage was an eighth of
    all time of tests. How seldom the rest is looked through says imaging_safety/__init__.py."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    _empty.cleanup()
