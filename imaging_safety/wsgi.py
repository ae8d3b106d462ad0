"""What gunicorn serves. It does not start with settings that a system check refuses."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imaging_safety.settings")

application = get_wsgi_application()

from imaging_safety.checks import refuse_unsafe_settings  # noqa: E402  needs the settings

refuse_unsafe_settings()
