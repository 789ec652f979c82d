"""Django's settings, derived from the installation's configuration; nothing else reads the environment."""

import os
import sys
import zoneinfo
from typing import Any
from urllib.parse import urlsplit

from slotkeeper.configuration import BadSetting, Configuration, read_configuration

# Zone rules come from the pinned tzdata package, so they are the same on every machine.
zoneinfo.reset_tzpath(to=())

try:
    CONFIGURATION: Configuration = read_configuration(os.environ)
except BadSetting as error:
    sys.exit(f"slotkeeper: {error}")

SECRET_KEY = CONFIGURATION.secret_key
DEBUG = False
ROOT_URLCONF = "slotkeeper.urls"
WSGI_APPLICATION = "slotkeeper.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "people.User"
SITE_ID = None
SILENCED_SYSTEM_CHECKS = [
    "axes.W002",  # sign-in's middleware stands in doors.chain.PAGE_MIDDLEWARE, which token requests skip
]

INSTALLED_APPS = [
    "slotkeeper.changes",
    "slotkeeper.outbox",
    "slotkeeper.webhooks",
    "slotkeeper.people",
    "slotkeeper.contacts",
    "slotkeeper.offerings",
    "slotkeeper.calendars",
    "slotkeeper.appointments",
    "slotkeeper.billing",
    "slotkeeper.doors",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
]

# Order matters: each wraps what follows it.
MIDDLEWARE = [
    "slotkeeper.doors.middleware.answer_envelope",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "slotkeeper.doors.middleware.PageChain",
    "allauth.account.middleware.AccountMiddleware",
    "slotkeeper.doors.middleware.PermissionGate",
]
# What only pages and signed-in browsers need; requests with a token go past it.
PAGE_MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "slotkeeper.doors.languages.speak_readers_language",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [os.path.join(os.path.dirname(__file__), "templates")],  # noqa: PTH118, PTH120 -- Django compares strings
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "slotkeeper.doors.dashboard.context.page_frame",
            ],
        },
    },
]


def _databases(configuration: Configuration) -> dict[str, dict[str, Any]]:
    database = configuration.database
    if database.is_sqlite:
        pragmas = (
            "journal_mode=WAL",
            f"synchronous={configuration.synchronous}",
            "temp_store=MEMORY",
            "cache_size=-16000",
            "journal_size_limit=67108864",
        )
        options: dict[str, Any] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 5,
            "init_command": ";".join(f"PRAGMA {pragma}" for pragma in pragmas),
        }
        return {
            "default": {
                "ENGINE": "slotkeeper.sqlite",
                "NAME": database.name,
                "OPTIONS": options,
                "CONN_MAX_AGE": None,
            }
        }
    options = dict(database.options)
    if configuration.prepared_statements:
        options |= {"server_side_binding": True, "prepare_threshold": 1}
    else:
        options |= {"prepare_threshold": None}
    return {
        "default": {
            "ENGINE": "slotkeeper.postgresql",
            "NAME": database.name,
            "HOST": database.host,
            "PORT": database.port,
            "USER": database.user,
            "PASSWORD": database.password,
            "OPTIONS": options,
            "CONN_MAX_AGE": None,
            "CONN_HEALTH_CHECKS": True,
        }
    }


DATABASES = _databases(CONFIGURATION)

_url = urlsplit(CONFIGURATION.url)
# Loopback is always served, so that health checks and `make run` need no setting; its addresses see doors/loopback.py.
_host = f"[{_url.hostname}]" if ":" in str(_url.hostname) else str(_url.hostname)
ALLOWED_HOSTS = [".localhost", "127.0.0.1", "[::1]", _host, *CONFIGURATION.hosts]
CSRF_TRUSTED_ORIGINS = [CONFIGURATION.url]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _url.scheme == "https"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "slotkeeper_session"
SESSION_ENGINE = "slotkeeper.people.session_store"
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "slotkeeper.doors.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000  # an invoice of a hundred lines
FILE_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # each in its own words
LANGUAGE_COOKIE_NAME = "slotkeeper_language"
LOCALE_PATHS = [os.path.join(os.path.dirname(__file__), "locale")]  # noqa: PTH118, PTH120 -- Django compares strings
USE_I18N = True
FORMAT_MODULE_PATH = "slotkeeper.formats"
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATICFILES_DIRS = [os.path.join(os.path.dirname(__file__), "static")]  # noqa: PTH118, PTH120 -- Django compares strings
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "/accounts/login/"
ACCOUNT_ADAPTER = "slotkeeper.doors.dashboard.account.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "slotkeeper.doors.dashboard.account.SignUpFields"
# Without a mail server nobody could read the verification mail, so it may not stand in the way.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if CONFIGURATION.mail_server else "optional"
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _url.scheme
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_REAUTHENTICATION_REQUIRED = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
MFA_ADAPTER = "slotkeeper.doors.dashboard.account.SecondStepAdapter"
# Where nothing can be verified, a second step must not wait for it.
MFA_ALLOW_UNVERIFIED_EMAIL = CONFIGURATION.mail_server is None
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_TOTP_ISSUER = "Slotkeeper"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = _url.scheme == "http"

AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_USERNAME_FORM_FIELD = "email"  # what allauth hands to authenticate()
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_CALLABLE = "slotkeeper.doors.errors.sign_in_locked"
AXES_CLIENT_IP_CALLABLE = "slotkeeper.doors.middleware.client_address"
AXES_VERBOSE = False
AXES_DISABLE_ACCESS_LOG = True

# Tests check every API answer against its description; in production that would cost time.
DMR_SETTINGS = {"validate_responses": False}

EMAIL_BACKEND = "slotkeeper.outbox.mail.Backend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = CONFIGURATION.mail_from
EMAIL_TIMEOUT = 20
if CONFIGURATION.mail_server:
    EMAIL_HOST = CONFIGURATION.mail_server.host
    EMAIL_PORT = CONFIGURATION.mail_server.port
    EMAIL_HOST_USER = CONFIGURATION.mail_server.user
    EMAIL_HOST_PASSWORD = CONFIGURATION.mail_server.password
    EMAIL_USE_TLS = CONFIGURATION.mail_server.security == "starttls"
    EMAIL_USE_SSL = CONFIGURATION.mail_server.security == "tls"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": CONFIGURATION.log_level},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},  # it would write down addresses, and some are secrets
        "stripe": {"level": "WARNING"},
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # answered with 400; scanners would fill the log
    },
}
