"""Static files in tests straight from their source: nothing is collected before each run.

tests/functional/test_static_files.py collects them for real and looks at the result.
"""

import tempfile

_empty = tempfile.TemporaryDirectory(prefix="imaging-safety-static-")


def pytest_configure() -> None:
    from django.conf import settings

    # WhiteNoise warns of a directory that is not there, and our warnings are errors.
    settings.STATIC_ROOT = _empty.name
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def pytest_unconfigure() -> None:
    _empty.cleanup()
