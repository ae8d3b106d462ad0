"""Settings that only make tests quicker: static files from their source, quick password hashes.

tests/functional/test_static_files.py collects them for real and looks at the result.
"""

import tempfile

_empty = tempfile.TemporaryDirectory(prefix="imaging-safety-static-")


def pytest_configure() -> None:
    from django.conf import settings

    # A hash that is slow on purpose would be half of every test that signs in.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # WhiteNoise warns of a directory that is not there, and our warnings are errors.
    settings.STATIC_ROOT = _empty.name
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def pytest_unconfigure() -> None:
    _empty.cleanup()
