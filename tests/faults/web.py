"""What gunicorn serves in the storm: the application, with static files from their source."""

import django

from tests.quick_settings import pytest_configure

django.setup()
pytest_configure()

from imaging_safety.wsgi import application  # noqa: E402  after the settings

__all__ = ["application"]
