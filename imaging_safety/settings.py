"""Every setting, in one file, all from the environment.

Nothing here has a default that is unsafe in a hospital: demonstration mode, debug pages and
plain e-mail must be asked for. `imaging_safety/checks.py` refuses unsafe combinations at start-up.
"""

from pathlib import Path

import environ
from celery.schedules import schedule
from csp.constants import NONCE, NONE, SELF

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()

# --- What this installation is -------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY")
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Where people reach us: the start of every link in a message.
BASE_URL = env.str("BASE_URL", default="http://127.0.0.1:8000").rstrip("/")
# Synthetic patients, a list of people to sign in as, a banner on every page.
DEMONSTRATION = env.bool("DEMONSTRATION", default=False)
# Says that a demonstration may be reached from other machines; see imaging_safety.W/E checks.
DEMONSTRATION_ANYWHERE = env.bool("DEMONSTRATION_ANYWHERE", default=False)
# Where the web server listens; the checks compare it with DEMONSTRATION.
BIND_ADDRESS = env.str("BIND_ADDRESS", default="127.0.0.1")
# Whose bank holidays count: ENG, WLS, SCT or NIR.
NATION = env.str("NATION", default="ENG")
RELEASE = "0.1.0"
# The pages on which administrators keep people, teams, sites and senders. Off by default: serve
# them from an instance that only administrators' machines can reach.
ADMIN_SITE = env.bool("ADMIN_SITE", default=False)

# --- Applications --------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.forms",
    "axes",
    "csp",
    "django_filters",
    "django_structlog",
    "drf_spectacular",
    "knox",
    "pgtrigger",
    "rest_framework",
    "findings",
    "notifications",
    "imaging_safety",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "imaging_safety.middleware.SignInFirst",
    "imaging_safety.middleware.NoStoreMiddleware",
    "imaging_safety.middleware.SessionAgeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "axes.middleware.AxesMiddleware",
    "imaging_safety.middleware.WrittenMiddleware",
]

ROOT_URLCONF = "imaging_safety.urls"
WSGI_APPLICATION = "imaging_safety.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "environment": "imaging_safety.jinja.environment",
            "context_processors": [
                "django.contrib.messages.context_processors.messages",
                "imaging_safety.context.every_page",
            ],
        },
    },
    {
        # The admin site and the browsable API bring templates of their own.
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Database: PostgreSQL is the only record ------------------------------------------------

DATABASES = {"default": env.db_url("DATABASE_URL")}
DATABASES["default"].update(
    ENGINE="django.db.backends.postgresql",
    CONN_MAX_AGE=env.int("DATABASE_CONN_MAX_AGE_SECONDS", default=60),
    # Without it a restart of PostgreSQL gives one failed page for every kept connection.
    CONN_HEALTH_CHECKS=True,
)
DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
# A statement that hangs must not hang a hospital. Milliseconds. No trigger is ignored: each asks
# for the list, and where there is none it catches an error, which takes a third of a line's time.
# Pages join up to 16 tables, in an order that is good already: one row, then what its keys lead to.
# To try every order of eight took 13 ms of a finding's page of 14; of six it takes a third.
# PostgreSQL takes a row that is looked up by its key to cost as much as four that are read in turn,
# as on a disk with arms: for the promises of three months it read a million findings.
DATABASES["default"]["OPTIONS"].setdefault(
    "options",
    "-c statement_timeout=30000 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=60000"
    " -c pgtrigger.ignore={} -c join_collapse_limit=6 -c random_page_cost=1.1",
)

# --- Celery: it only wakes the engine up; rows carry the state ------------------------------

REDIS_URL = env.str("REDIS_URL")
CELERY_BROKER_URL = REDIS_URL
CELERY_TIMEZONE = "UTC"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 110  # seconds; a send waits for 20 at most
CELERY_TASK_TIME_LIMIT = 120  # seconds
CELERY_TASK_PUBLISH_RETRY = False  # in a page: give up at once, the sweep finds the row
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,  # seconds, more than the hard time limit
    # kombu looks for tasks of dead workers every interval x throttle seconds; default 100 s.
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    # Without these a frozen broker holds a page for ever.
    "socket_timeout": 5,
    "socket_connect_timeout": 5,
    "retry_on_timeout": False,
    "max_retries": 1,
}
# Seconds between two looks. Intervals only: a crontab misses or repeats hours when clocks change.
FIRE_EVERY_SECONDS = env.float("FIRE_EVERY_SECONDS", default=5.0)
DELIVER_EVERY_SECONDS = env.float("DELIVER_EVERY_SECONDS", default=5.0)
WATCH_EVERY_SECONDS = env.float("WATCH_EVERY_SECONDS", default=60.0)
CELERY_BEAT_SCHEDULE = {
    "fire-due-steps": {
        "task": "notifications.tasks.fire",
        "schedule": schedule(FIRE_EVERY_SECONDS),
        # A wake-up that nobody took in time is worth nothing: the next one does the same.
        "options": {"expires": 60},
    },
    "deliver-notifications": {
        "task": "notifications.tasks.deliver",
        "schedule": schedule(DELIVER_EVERY_SECONDS),
        "options": {"expires": 60},
    },
    "watch": {
        "task": "notifications.tasks.watch",
        "schedule": schedule(WATCH_EVERY_SECONDS),
        "options": {"expires": 120},
    },
    "reckon-what-was-left": {
        "task": "notifications.tasks.reckon",
        "schedule": schedule(WATCH_EVERY_SECONDS),
        "options": {"expires": 60},
    },
}

# --- Telling people ------------------------------------------------------------------------

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
vars().update(env.email_url("EMAIL_URL", default="smtp://127.0.0.1:25"))
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT_SECONDS", default=20)
DEFAULT_FROM_EMAIL = env.str("FROM_EMAIL", default="imaging-safety@localhost")
# A sender holds a notification this long; longer than the longest send (seconds).
DELIVERY_LEASE_SECONDS = env.int("DELIVERY_LEASE_SECONDS", default=60)
# Text messages by GOV.UK Notify: an API key and a template that shows ((subject)) or ((text)).
NOTIFY_URL = env.str("NOTIFY_URL", default="https://api.notifications.service.gov.uk")
NOTIFY_API_KEY = env.str("NOTIFY_API_KEY", default="")
NOTIFY_TEMPLATE_ID = env.str("NOTIFY_TEMPLATE_ID", default="")
# The bearer token that GOV.UK Notify sends with its delivery receipts (32 letters or more), to
# BASE_URL/receipts/notify/. Empty: no receipts.
NOTIFY_CALLBACK_TOKEN = env.str("NOTIFY_CALLBACK_TOKEN", default="")
# The trust's own messaging: where messages are posted, and the secret that signs them.
WEBHOOK_URL = env.str("WEBHOOK_URL", default="")
WEBHOOK_SECRET = env.str("WEBHOOK_SECRET", default="")
# Between these hours by local clocks, as in 20:00-08:00, messages about categories that may wait
# (held_at_night in categories.csv, never the urgent ones) are saved up for one digest in the
# morning. Empty: everything goes at once.
QUIET_HOURS = env.str("QUIET_HOURS", default="")
# An outside monitor that raises the alarm when it hears nothing; empty: none.
HEARTBEAT_URL = env.str("HEARTBEAT_URL", default="")
# Where the printable lists of open findings are kept, written every hour; empty: none are kept.
DOWNTIME_FOLDER = env.str("DOWNTIME_FOLDER", default="")
# What Prometheus sends as its bearer token to read /metrics. Empty: only this machine reads it.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Signing in ----------------------------------------------------------------------------

AUTH_USER_MODEL = "findings.Person"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_LOCKOUT_TEMPLATE = "locked_out.jinja"
AXES_VERBOSE = False
SILENCED_SYSTEM_CHECKS: list[str] = []

# Rows in PostgreSQL: losing Redis signs nobody out.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = env.int("SESSION_IDLE_SECONDS", default=30 * 60)
SESSION_ABSOLUTE_SECONDS = env.int("SESSION_ABSOLUTE_SECONDS", default=12 * 60 * 60)
# The server ends it; a browser that kept it until then could not say whose it was.
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "imaging_safety.errors.csrf_failure"

# --- Transport and headers -----------------------------------------------------------------

# Off only for loopback: a demonstration and the tests.
HTTPS = env.bool("HTTPS", default=True)
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31536000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    },
}

# --- Language and time ---------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True  # UTC inside; pages show TIME_ZONE
TIME_ZONE = env.str("TIME_ZONE", default="Europe/London")

# --- Static files --------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticroot"
STATICFILES_DIRS = [BASE_DIR / "imaging_safety" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Pages ask for the names that hold a hash; compressing the others too would take as long again.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# --- API -----------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "findings.api.tokens.Tokens",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "EXCEPTION_HANDLER": "findings.api.errors.handler",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Imaging Safety",
    "DESCRIPTION": "Reports in; findings, their clocks and their timelines out.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
}
# Bytes; a report with an embedded document is the largest thing that arrives.
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

# --- HL7 by MLLP (manage.py mllp) ------------------------------------------------------------

MLLP_HOST = env.str("MLLP_HOST", default="127.0.0.1")
MLLP_PORT = env.int("MLLP_PORT", default=2575)
# Who may send as which sender, by address, network or the name in a client's certificate:
# "10.20.30.40=RIS|RRV03, CRIS|RRV04; ris.trust.example=RIS|RRV03". Whoever is not listed may send
# nothing; this machine itself may send as anybody unless it is listed.
MLLP_SENDERS = env.str("MLLP_SENDERS", default="")
# PEM files: our certificate and key, and who signs the certificates of senders.
MLLP_TLS_CERT = env.str("MLLP_TLS_CERT", default="")
MLLP_TLS_KEY = env.str("MLLP_TLS_KEY", default="")
MLLP_CLIENT_CA = env.str("MLLP_CLIENT_CA", default="")
# Says that messages may cross the network unencrypted and from whoever has the address.
MLLP_PLAIN = env.bool("MLLP_PLAIN", default=False)
MLLP_MAX_BYTES = env.int("MLLP_MAX_BYTES", default=10 * 1024 * 1024)  # of one message
MLLP_MAX_CONNECTIONS = env.int("MLLP_MAX_CONNECTIONS", default=64)
# From one address; a quarter, so that one that loses its connections keeps nobody out.
MLLP_MAX_CONNECTIONS_OF_ONE = env.int(
    "MLLP_MAX_CONNECTIONS_OF_ONE", default=max(8, MLLP_MAX_CONNECTIONS // 4)
)
MLLP_IDLE_SECONDS = env.float("MLLP_IDLE_SECONDS", default=3600.0)  # from message to message
MLLP_MESSAGE_SECONDS = env.float("MLLP_MESSAGE_SECONDS", default=300.0)  # for all of a message
MLLP_PROBE_SECONDS = env.int("MLLP_PROBE_SECONDS", default=60)  # until a silent peer is asked
MLLP_ANSWER_SECONDS = env.float("MLLP_ANSWER_SECONDS", default=20.0)  # until AE at the latest

# --- Logs: ids and references, never a name, a number or a report's words --------------------

LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")
LOG_FORMAT = env.str("LOG_FORMAT", default="console")  # or "json"
LOGGING_CONFIG = "imaging_safety.logs.configure"
LOGGING: dict = {"level": LOG_LEVEL, "format": LOG_FORMAT}
DJANGO_STRUCTLOG_CELERY_ENABLED = True
