"""All settings, in one file. Each comes from the environment or has a default that runs on a laptop.

Importing this starts nothing; manage.py, the web server and the worker start the embedded servers.
"""

from __future__ import annotations

import os
from datetime import timedelta

from celery.schedules import crontab
from django.utils.translation import gettext_lazy
from kombu import Queue

from identity_site import broker, embedded, env, memory_folder, secret_key

BASE_DIR = env.BASE_DIR
DATA_DIR = env.data_dir()
DEBUG = env.boolean("DEBUG", False)

# --- Servers -----------------------------------------------------------------------------------------------

_embedded_database, _embedded_redis = embedded.addresses(DATA_DIR)
DATABASE_URL = env.text("DATABASE_URL", _embedded_database)
REDIS_URL = env.text("REDIS_URL", _embedded_redis)

DATABASES = {
    "default": {
        **env.database(DATABASE_URL),
        "CONN_MAX_AGE": env.integer("DATABASE_CONNECTION_SECONDS", 60, minimum=0),
        "CONN_HEALTH_CHECKS": True,
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.text("CACHE_URL", broker.cache_url(REDIS_URL)),
        "KEY_PREFIX": "identity",
        "OPTIONS": broker.timeouts(REDIS_URL),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Security ----------------------------------------------------------------------------------------------

# A site with a database of its own may run on several machines, which have to share the key.
if env.is_set("SECRET_KEY") or env.is_set("DATABASE_URL"):
    SECRET_KEY = env.required("SECRET_KEY", "a long random text, the same on every machine")
else:
    SECRET_KEY = secret_key.kept_in(DATA_DIR)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
# Wraps the keys of people and signs receipts of erasure. It is not in the database, so that a dump of that is of no use
# alone. The first is in use, the others are former ones.
if env.is_set("SITE_KEY") or env.is_set("DATABASE_URL"):
    SITE_KEYS = [env.required("SITE_KEY", "another long random text, the same on every machine")]
    SITE_KEYS += env.words("SITE_KEY_FALLBACKS")
    SITE_KEYS_KEPT_IN = None
else:
    SITE_KEYS = secret_key.kept_in(DATA_DIR, secret_key.SITE_KEY).split()
    SITE_KEYS_KEPT_IN = DATA_DIR / secret_key.SITE_KEY
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")

# From which other sites a page may call the API. Such a page shows a key like any kiosk: browsers send no cookie there.
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/api/v1/"
CORS_ALLOW_METHODS = ["GET", "POST", "PATCH", "DELETE"]
CORS_ALLOW_HEADERS = ["accept", "authorization", "content-type", "idempotency-key", "x-api-key"]
CORS_EXPOSE_HEADERS = ["Allow", "Retry-After", "WWW-Authenticate"]
CORS_PREFLIGHT_MAX_AGE = 3600
WHITENOISE_ALLOW_ALL_ORIGINS = False

# True in production: the site is reached by https only.
HTTPS_ONLY = env.boolean("HTTPS_ONLY", False)
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 31_536_000, minimum=0) if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# How many proxies of our own stand in front; their word about the client's address and https is believed.
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0, minimum=0, maximum=10)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None

CONTENT_SECURITY_POLICY = {
    "default-src": ["'self'"],
    "img-src": ["'self'", "data:", "blob:"],
    "media-src": ["'self'", "blob:"],
    "object-src": ["'none'"],
    "base-uri": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
}
# The admin's theme evaluates expressions in attributes and writes styles in place. Scripts in place it has none.
CONTENT_SECURITY_POLICY_ADMIN = {
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}
# What no page needs is switched off by name; what pages of this site use, others in a frame may not.
PERMISSIONS_POLICY = {
    **dict.fromkeys(["camera", "fullscreen", "screen-wake-lock"], "(self)"),
    **dict.fromkeys(["publickey-credentials-get", "publickey-credentials-create"], "(self)"),
    **dict.fromkeys(
        [
            "microphone",
            "geolocation",
            "display-capture",
            "payment",
            "usb",
            "serial",
            "hid",
            "bluetooth",
            "midi",
        ],
        "()",
    ),
    **dict.fromkeys(
        ["accelerometer", "gyroscope", "magnetometer", "idle-detection", "browsing-topics"], "()"
    ),
}

# --- Applications ------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",  # for allauth's pages of second factors
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "corsheaders",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "recognition",
    "accounts",
]
MIDDLEWARE = [
    "identity_site.middleware.HealthMiddleware",
    "identity_site.metrics.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "identity_site.middleware.BrowserPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.audit.AuditMiddleware",
    "accounts.middleware.FaceSessionMiddleware",
    "identity_site.body_size.BodySizeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.second_factor.SecondFactorMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "identity_site.middleware.OutageMiddleware",
]
ROOT_URLCONF = "identity_site.urls"
WSGI_APPLICATION = "identity_site.wsgi.application"
ASGI_APPLICATION = "identity_site.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.site",
            ]
        },
    }
]

# --- Accounts ----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "accounts:profile"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"login": "accounts.forms.LoginForm"}
ACCOUNT_SIGNUP_OPEN = env.boolean("ACCOUNT_SIGNUP_OPEN", False)
FACE_LOGIN_ENABLED = env.boolean("FACE_LOGIN_ENABLED", True)
# What a face is worth for accounts without a rule of their groups: "alone", "password", "factor" or "never".
FACE_OPENS = env.choice("FACE_OPENS", "alone", ["alone", "password", "factor", "never"])
ACCOUNT_RATE_LIMITS = {
    # Five of one browser, then a wait: whoever drops the cookie meets those of the address.
    "face_login": "10/m/ip,5/5m/key",
    "face_login_hourly": "120/h/ip",
    "face_challenge": "30/m/ip",
    "access_copy": "5/h/user",
    # Links by which people enrol by themselves: pages by address, frames of the camera by link.
    "enrol_link": "60/m/ip",
    "enrol_look": "600/m/key",
}
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# The password again, or a second factor, within the last five minutes before addresses and factors change.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "Identity"
# Browsers offer passkeys on https, and on localhost for trying.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS_ONLY
# Whether staff have to set up a second factor before the admin opens; by default where the site is served by https.
STAFF_SECOND_FACTOR = env.boolean("STAFF_SECOND_FACTOR", HTTPS_ONLY)

# --- Mail --------------------------------------------------------------------------------------------------

EMAIL_HOST = env.text("EMAIL_HOST")
EMAIL_PORT = env.integer("EMAIL_PORT", 587, minimum=1, maximum=65_535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.boolean("EMAIL_USE_TLS", True)
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "identity@localhost")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'console'}.EmailBackend"

# The engine itself reads no picture over 15 MB.
MAX_UPLOAD_BYTES = env.integer("MAX_UPLOAD_MB", 15, minimum=1, maximum=15) * 2**20
# Of one zip that a program hands in over the API.
MAX_IMPORT_BYTES = env.integer("MAX_IMPORT_MB", 500, minimum=1, maximum=10_000) * 2**20

# --- API ---------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["recognition.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["recognition.api.permissions.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["recognition.api.throttles.KeyThrottle"],
    # By API key; "stranger" by address, for requests without a valid key.
    "DEFAULT_THROTTLE_RATES": {
        "recognise": env.rate("API_RATE_RECOGNISE", "300/m"),
        "enrol": env.rate("API_RATE_ENROL", "120/m"),
        "read": env.rate("API_RATE_READ", "600/m"),
        "liveness": env.rate("API_RATE_LIVENESS", "900/m"),
        "stranger": env.rate("API_RATE_STRANGER", "60/m"),
    },
    "DEFAULT_PARSER_CLASSES": [
        "recognition.api.parsers.JSONParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "recognition.api.negotiation.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "recognition.api.schema.KioskSchema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "recognition.api.errors.exception_handler",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Identity API",
    "DESCRIPTION": (
        "For kiosks: who is in a picture (1:N), is it a certain person (1:1), and enrolling people.\n\n"
        "Each request carries the kiosk's key as `Authorization: Bearer fid_...`. A key has scopes; `admin`"
        " includes all others. Pictures are files of a multipart form, base64 in JSON, or the body"
        " itself; at most"
        f" {MAX_UPLOAD_BYTES // 2**20} MB and 50 megapixels (25 for WebP and AVIF); JPEG, PNG, WebP, HEIC,"
        " AVIF, TIFF, BMP or a"
        ' still GIF. Every error is `{"error": {"code", "message", "detail"}}`.'
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "AttendanceKindEnum": "recognition.models.Attendance.Kind",
        "DecisionEnum": "recognition.models.Decision.Outcome",
        "DecisionKindEnum": "recognition.models.Decision.Kind",
        "PersonStatusEnum": "recognition.models.Identity.Status",
        "PhotoStateEnum": "recognition.models.Photo.State",
        "ScopeEnum": "recognition.models.ApiKey.Scope",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # No validator: it would send the address of the site to a stranger.
    "SWAGGER_UI_SETTINGS": {"deepLinking": False, "validatorUrl": None},
}

# --- Files -------------------------------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": env.text("STORAGE_BACKEND", "recognition.storage.DatabaseStorage")},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# Of one form in the admin; the uploader on a person's page sends one file at a time and has no such limit.
MAX_UPLOAD_FILES = 50
# Two pictures in base64, which makes them a third larger.
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_UPLOAD_BYTES * 3
DATA_UPLOAD_MAX_NUMBER_FILES = 200
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_500_000

# --- Recognition -------------------------------------------------------------------------------------------

MODELS_DIR = env.path("MODELS_DIR", BASE_DIR / "models")
# Names of models. EMBEDDER counts for a site that starts anew, which without it takes the strongest that it can have;
# later `manage.py reembed` changes it. DETECTOR goes before the choice of staff in the admin; without
# both the manifest's default is used.
EMBEDDER = env.text("EMBEDDER")
DETECTOR = env.text("DETECTOR")
# Whether the first start looks for the published embedder at its publisher, for a few seconds.
FETCH_MODELS = env.boolean("FETCH_MODELS", True)
# Where `manage.py fetch_models` finds published files instead of at their publisher: an address or a folder.
MODELS_MIRROR = env.text("MODELS_MIRROR")
# Whether each face is also embedded mirrored and the two averaged; "auto": as the model's manifest entry says.
MIRRORED_VIEW = env.choice("MIRRORED_VIEW", "auto", ["auto", "on", "off"])
# "gpu" is for a worker of the queue "recognition": Keras with TensorFlow, in batches. Web processes always use the CPU.
INFERENCE = env.choice("INFERENCE", "cpu", ["cpu", "gpu"])
# How many pictures a process looks at at once, how many may wait besides, and for how long. Threads that neither look
# nor wait answer all other pages.
RECOGNISE_AT_ONCE = env.integer(
    "RECOGNISE_AT_ONCE", 2 if (os.cpu_count() or 1) > env.web_workers() else 1, minimum=1
)
RECOGNISE_WAITING = max(0, env.integer("WEB_THREADS", 24, minimum=1) - RECOGNISE_AT_ONCE - 2)
RECOGNISE_WAIT_SECONDS = env.integer("RECOGNISE_WAIT_SECONDS", 2, minimum=0, maximum=60)
# Where the built gallery file is. It holds everybody's vectors in the clear, so by default it is in memory.
GALLERY_DIR = env.path("GALLERY_DIR", memory_folder.default(DATA_DIR))
# How the gallery finds candidates: "flat" compares everybody exactly, "rabitq" by short codes first and then the best
# exactly, "auto" takes the faster way for the number of people.
GALLERY_INDEX = env.choice("GALLERY_INDEX", "auto", ["auto", "flat", "rabitq"])
# Which engine finds candidates: "faiss" in each process, from a file in memory; "pgvector" in this Postgres; "milvus".
# The latter two hold everybody's templates in the clear on a disk.
GALLERY_BACKEND = env.choice("GALLERY_BACKEND", "faiss", ["faiss", "pgvector", "milvus"])
# "exact" compares with everybody; "hnsw" and "bits" (signs first, for very many people) by an index; "auto" takes
# "hnsw" from 20,000 people on.
GALLERY_PG_INDEX = env.choice("GALLERY_PG_INDEX", "auto", ["auto", "exact", "hnsw", "bits"])
MILVUS_URL = env.text("MILVUS_URL", "http://127.0.0.1:19530")
MILVUS_TOKEN = env.text("MILVUS_TOKEN", "")
# Sites that share one Milvus want a name each.
MILVUS_COLLECTION = env.text("MILVUS_COLLECTION", "identity_gallery")
# What has to show that a living person signs in by face: "off", "passive" (no signs of a print or a screen) or
# "challenge" (the person moves the head as asked). Kiosks have it with their key.
LIVENESS = env.choice("LIVENESS", "challenge", ["off", "passive", "challenge"])
# Whether the page lights the face with colours during the challenge: "off", "on" (a face that answers other colours is
# refused) or "required" (one that answers none, too; not for bright rooms).
LIVENESS_LIGHT = env.choice("LIVENESS_LIGHT", "on", ["off", "on", "required"])
# For how many days the pictures of probes are kept with their decisions; 0 keeps none.
KEEP_PROBES_DAYS = env.integer("KEEP_PROBES_DAYS", 0, minimum=0, maximum=3650)
# For how many days faces of people who are not known are kept, to know them when they come again; 0 keeps none. They
# have not agreed to it, so that a month is the most.
KEEP_VISITORS_DAYS = env.integer("KEEP_VISITORS_DAYS", 0, minimum=0, maximum=30)
# For how many days the following are kept; 0: as long as the person, decisions as long as the site.
KEEP_PHOTOS_DAYS = env.integer("KEEP_PHOTOS_DAYS", 0, minimum=0, maximum=36_500)
KEEP_CROPS_DAYS = env.integer("KEEP_CROPS_DAYS", 0, minimum=0, maximum=36_500)
KEEP_REJECTED_DAYS = env.integer("KEEP_REJECTED_DAYS", 0, minimum=0, maximum=36_500)
KEEP_UNKNOWN_DAYS = env.integer("KEEP_UNKNOWN_DAYS", 0, minimum=0, maximum=36_500)
KEEP_DECISIONS_DAYS = env.integer("KEEP_DECISIONS_DAYS", 0, minimum=0, maximum=36_500)
KEEP_ATTENDANCE_DAYS = env.integer("KEEP_ATTENDANCE_DAYS", 0, minimum=0, maximum=36_500)
# What was handed in over the API and not started goes after a day.
KEEP_IMPORTS_DAYS = env.integer("KEEP_IMPORTS_DAYS", 7, minimum=1)
# Whether a person must have agreed to the consent text before a photo or vector is taken in.
CONSENT_REQUIRED = env.boolean("CONSENT_REQUIRED", False)
# How many days after consent was withdrawn a person is erased; suspended they are at once.
ERASE_WITHDRAWN_DAYS = env.integer("ERASE_WITHDRAWN_DAYS", 30, minimum=0, maximum=3650)

# --- Tasks -------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = broker.broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Longer than the longest task may take, or Redis would hand a running task to a second worker.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 4 * 3600, "socket_connect_timeout": 5}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 2 * 3600
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = [Queue("default"), Queue("recognition")]
CELERY_TASK_ROUTES = {
    "recognition.process_photos": {"queue": "recognition"},
    "recognition.reembed*": {"queue": "recognition"},
    "recognition.evaluate": {"queue": "recognition"},
    "recognition.calibrate": {"queue": "recognition"},
    "recognition.import_people": {"queue": "recognition"},
    "recognition.compare_models": {"queue": "recognition"},
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Processes of the worker that `manage.py up` starts.
WORKER_PROCESSES = env.integer("WORKER_PROCESSES", 2, minimum=1)
CELERY_WORKER_MAX_TASKS_PER_CHILD = 1000
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celery" / "beat-schedule")
CELERY_BEAT_SCHEDULE = {
    # Goes on with a change of the model whose worker was killed, and computes what was enrolled since.
    "reembed": {
        "task": "recognition.reembed",
        "schedule": timedelta(seconds=60),
        "options": {"expires": 60},
    },
    "rebuild-index-if-stale": {
        "task": "recognition.rebuild_index_if_stale",
        "schedule": timedelta(seconds=env.integer("INDEX_CHECK_SECONDS", 60, minimum=5)),
        "options": {"expires": 60},
    },
    "sweep-photos": {
        "task": "recognition.sweep_photos",
        "schedule": timedelta(seconds=60),
        "options": {"expires": 60},
    },
    # Photos of a site that had no keys for people yet.
    "seal-files": {
        "task": "recognition.seal_files",
        "schedule": timedelta(seconds=60),
        "options": {"expires": 60},
    },
    # What failed is tried again; what has just happened is sent at once.
    "deliver": {
        "task": "recognition.deliver",
        "schedule": timedelta(seconds=20),
        "options": {"expires": 20},
    },
    # Faces whose message was lost; after a change of the model also all others.
    "gather-visitors": {
        "task": "recognition.gather_visitors",
        "schedule": timedelta(seconds=60),
        "options": {"expires": 60},
    },
    "sweep-jobs": {
        "task": "recognition.sweep_jobs",
        "schedule": timedelta(seconds=60),
        "options": {"expires": 60},
    },
    "follow-growth": {
        "task": "recognition.follow_growth",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 300},
    },
    "retention": {
        "task": "recognition.carry_out_retention",
        "schedule": timedelta(hours=1),
        "options": {"expires": 3600},
    },
    "clear-sessions": {"task": "site.clear_sessions", "schedule": crontab(hour="3", minute="17")},
}

# --- The admin's look --------------------------------------------------------------------------------------

UNFOLD = {
    "SITE_TITLE": "Identity",
    "SITE_HEADER": "Identity",
    "SITE_SUBHEADER": gettext_lazy("Staff"),
    "SITE_ICON": "recognition.admin.navigation.mark",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "recognition.admin.navigation.mark"}],
    "STYLES": [
        "recognition.admin.navigation.station_stylesheet",
        "recognition.admin.navigation.stylesheet",
    ],
    "SIDEBAR": {"navigation": "recognition.admin.navigation.sidebar"},
    "SHOW_LANGUAGES": True,
    "DASHBOARD_CALLBACK": "recognition.admin.dashboard.dashboard",
    "COLORS": {
        "primary": {
            "50": "oklch(98.4% .014 180.7)",
            "100": "oklch(95.3% .051 180.8)",
            "200": "oklch(91% .096 180.4)",
            "300": "oklch(85.5% .138 181.1)",
            "400": "oklch(77.7% .152 181.9)",
            "500": "oklch(70.4% .14 182.5)",
            "600": "oklch(51.1% .096 186.4)",
            "700": "oklch(43.7% .078 188.2)",
            "800": "oklch(38.6% .063 188.4)",
            "900": "oklch(33% .05 190)",
            "950": "oklch(27.7% .046 192.5)",
        }
    },
}

# --- Metrics -----------------------------------------------------------------------------------------------

# Who may read /metrics: whoever shows the token, or asks from one of these networks. Without both nobody.
METRICS_TOKEN = env.secret_word("METRICS_TOKEN")
METRICS_NETWORKS = env.networks("METRICS_NETWORKS")
# Networks of this house that webhooks may reach; they reach public addresses in any case, and others never.
WEBHOOK_NETWORKS = env.networks("WEBHOOK_NETWORKS")
# Where the processes of this machine count together.
METRICS_DIR = env.path("METRICS_DIR", memory_folder.default(DATA_DIR, "metrics"))

# --- Language and time -------------------------------------------------------------------------------------

# What a browser asks for, until somebody chooses; kept in a cookie.
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", "English"), ("vi", "Tiếng Việt")]
LANGUAGE_COOKIE_NAME = "language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS_ONLY
FORMAT_MODULE_PATH = "identity_site.formats"
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_TZ = True

# --- Logs --------------------------------------------------------------------------------------------------

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
# What only says that everything goes its usual way, several times a minute.
_CHATTER = ["celery.beat", "celery.worker.strategy", "celery.app.trace", "faiss.loader"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"()": "identity_site.logs.TextFormatter"},
        "json": {"()": "identity_site.logs.JsonFormatter"},
    },
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": env.choice("LOG_FORMAT", "text", ["text", "json"]),
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django.server": {"handlers": ["stderr"], "propagate": False},
        **({} if LOG_LEVEL == "DEBUG" else {name: {"level": "WARNING"} for name in _CHATTER}),
        # A line for each message, at every turn of the clock.
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
    },
}
