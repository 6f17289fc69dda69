"""What the site remembers: people, their photos and vectors, and what was decided about probes.

Only `recognition.services` writes these tables.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from pgvector.django import VectorField

from recognition import (
    lookups,  # noqa: F401  registers them
    sealing,
)
from recognition.fields import SealedBytesField, SealedFileField, SealedTextField, SealedVectorField


def _exactly(moment: datetime) -> str:
    return date_format(timezone.localtime(moment), "EXACT_DATETIME_FORMAT")


def new_external_id() -> str:
    return secrets.token_hex(6)


class People(models.Manager["Identity"]):
    """Without those who were merged into another person."""

    def get_queryset(self) -> models.QuerySet[Identity]:
        return super().get_queryset().filter(merged_into=None)


class Identity(models.Model):
    """A person who can be recognised.

    merged_into: who the person turned out to be; from then on photos, vectors and account are that one's, and this row
    is what past decisions named. ``objects`` leaves such rows out, ``everyone`` does not.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", _("active")
        SUSPENDED = "suspended", _("suspended")

    external_id = models.CharField(
        _("ID"),
        max_length=120,
        unique=True,
        default=new_external_id,
        validators=[
            RegexValidator(
                # Nothing but dots has a meaning of its own in addresses and in folders.
                r"^(?!\.+$)[^\s/\\\x00-\x1f](?:[^/\\\x00-\x1f]*[^\s/\\\x00-\x1f])?$",
                _("No slashes, no spaces at its ends, and not only dots."),
            )
        ],
        help_text=_("Your own number for this person, such as a staff number. Made up when left alone."),
    )
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE, db_index=True)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="identity",
        verbose_name=_("account"),
        help_text=_("The account that this person signs in to by face."),
    )
    withdrawn_at = models.DateTimeField(
        _("consent withdrawn"),
        null=True,
        blank=True,
        help_text=_(
            "Since when nobody may be recognised as this person; the time until erasure runs from here."
        ),
    )
    merged_into = models.ForeignKey(
        "self", on_delete=models.CASCADE, null=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(_("enrolled"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = People()
    everyone = models.Manager()  # noqa: DJ012

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.external_id})"


class Merge(models.Model):
    """That two people turned out to be one, with all that it takes to undo it.

    moved: what went from ``other`` to ``into``: numbers of ``photos``, ``vectors``, ``attendances``, ``consents``,
    ``keys``, and of photos that resemble, ``resembling``; ``sources``: vector -> its name before; ``swapped``: pairs of
    photos of one file, that which came and that which went. status, user: of ``other``, before.
    """

    into = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="+")
    other = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="+")
    moved = models.JSONField(default=dict)
    status = models.CharField(max_length=10, choices=Identity.Status)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text=_("Its account."),
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("merge %(number)s") % {"number": self.pk}


class DataKey(models.Model):
    """A key that seals a person's photos, crops and vectors, wrapped by a key of the site. See `recognition.sealing`.

    A person gets one, and those of whoever is merged into it; one without a person seals one picture of a probe, or one
    face of an unknown visitor.
    Nothing refers to it by a constraint, so that a backup can be made, and restored, without the keys.
    """

    identity = models.ForeignKey(
        Identity, on_delete=models.CASCADE, null=True, related_name="data_keys", verbose_name=_("person")
    )
    wrapped = models.BinaryField(max_length=60)
    site_key = models.CharField(
        max_length=16, db_index=True, help_text=_("Name of the site's key that wraps it.")
    )
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"key {self.pk} of {self.identity_id}"


def _key_field() -> models.ForeignKey:
    return models.ForeignKey(
        DataKey, on_delete=models.DO_NOTHING, db_constraint=False, null=True, editable=False, related_name="+"
    )


class ConsentText(models.Model):
    """What people agree to. A version is never changed: another one takes its place."""

    version = models.PositiveIntegerField(unique=True)
    text = models.TextField(help_text=_("What is kept, what for, how long, and how consent is withdrawn."))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(_("in force since"), auto_now_add=True)

    class Meta:
        verbose_name = _("consent text")
        ordering = ["-version"]

    def __str__(self) -> str:
        return _("version %(version)s") % {"version": self.version}


class Consent(models.Model):
    """That a person agreed: to which text, when, and who took it. A withdrawn one stays, as the proof of both."""

    class Way(models.TextChoices):
        STAFF = "staff", _("told to staff")
        SELF = "self", _("given by themselves")
        API = "api", _("taken by a kiosk")
        IMPORT = "import", _("stated by an import")

    identity = models.ForeignKey(
        Identity, on_delete=models.CASCADE, related_name="consents", verbose_name=_("person")
    )
    text = models.ForeignKey(ConsentText, on_delete=models.PROTECT, related_name="consents")
    given_at = models.DateTimeField()
    way = models.CharField(max_length=10, choices=Way)
    taken_by = models.CharField(
        max_length=200, blank=True, help_text=_("Account or kiosk, as it was called then.")
    )
    note = models.CharField(
        max_length=200, blank=True, help_text=_("Where the proof is, such as a form's number.")
    )
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(_("recorded"), auto_now_add=True)

    class Meta:
        ordering = ["given_at", "id"]

    def __str__(self) -> str:
        return _("consent %(number)s of %(person)s") % {"number": self.pk, "person": self.identity_id}


class Invitation(models.Model):
    """That a person may hand in photos of themselves, once, by a link whose text is kept nowhere.

    agreed_at: to the consent text, on the page behind the link. used_at: when photos came by it.
    """

    identity = models.ForeignKey(
        Identity, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("person")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    expires_at = models.DateTimeField(_("counts until"))
    mailed = models.BooleanField(default=False, help_text=_("Whether it was sent by mail."))
    agreed_at = models.DateTimeField(null=True)
    used_at = models.DateTimeField(null=True)
    declined_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        default_permissions = ()

    def __str__(self) -> str:
        return _("invitation %(number)s of %(person)s") % {"number": self.pk, "person": self.identity_id}

    @property
    def is_open(self) -> bool:
        """Whether its link counts, as far as the person may be enrolled."""
        ended = self.used_at or self.declined_at or self.revoked_at
        return not ended and self.expires_at > timezone.now()


class Photo(models.Model):
    """One enrolment photo of a person, and what was found in it.

    faces: every face found, largest first:
        ``[{"box": [l, t, r, b], "score", "landmarks": [[x, y] * 5], "quality": {...}}]`` in pixels of `image`.
    chosen_face: position in `faces` of the face that is the person's.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        PROCESSING = "processing", _("being processed")
        READY = "ready", _("ready")
        REVIEW = "review", _("to be reviewed")
        REJECTED = "rejected", _("rejected")

    identity = models.ForeignKey(
        Identity, on_delete=models.CASCADE, related_name="photos", verbose_name=_("person")
    )
    image = SealedFileField(upload_to="photos/")
    crop = SealedFileField(upload_to="crops/", blank=True)
    key = _key_field()
    filename = models.CharField(max_length=255, blank=True)
    sha256 = models.CharField(max_length=64, help_text=_("Of the file as it was handed in."))
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=30, blank=True)
    faces = models.JSONField(default=list, blank=True)
    chosen_face = models.PositiveSmallIntegerField(null=True, blank=True)
    quality = models.JSONField(default=dict, blank=True)
    accepted = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("A member of staff said that it counts although its face is not fit."),
    )
    confirmed = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("A member of staff said that it is this person's, whomever it looks like."),
    )
    by_themselves = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("The person handed it in by a link, and no member of staff looked on."),
    )
    resembles = models.ForeignKey(
        Identity,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Who is enrolled already and looks like this photo."),
    )
    detector = models.CharField(
        max_length=80, blank=True, db_default="", help_text="Which one found its faces, by its name."
    )
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    processed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["identity", "sha256"], name="photo_once_per_identity")]
        indexes = [
            models.Index(
                fields=["id"], name="photo_unfinished", condition=Q(state__in=["waiting", "processing"])
            ),
            models.Index(fields=["id"], name="photo_in_review", condition=Q(state="review")),
        ]

    def __str__(self) -> str:
        return _("photo %(number)s of %(person)s") % {"number": self.pk, "person": self.identity_id}

    def data_key(self) -> int:
        return sealing.keys_of([self.identity_id])[self.identity_id]


class ModelVersion(models.Model):
    """An embedding model. Vectors of different versions cannot be compared."""

    name = models.CharField(max_length=80, unique=True)
    version = models.CharField(max_length=40, blank=True)
    sha256 = models.CharField(max_length=64)
    dimensions = models.PositiveIntegerField()
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["active"], condition=Q(active=True), name="one_active_model_version"
            )
        ]

    def __str__(self) -> str:
        return self.name


class DetectorChoice(models.Model):
    """Which detector staff chose, by its name in the manifest: the newest row counts, and none is ever changed."""

    detector = models.CharField(max_length=80)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("detector")
        ordering = ["-id"]
        default_permissions = ("add", "view")

    def __str__(self) -> str:
        return self.detector


class EmbeddingManager(models.Manager["Embedding"]):
    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> Any:
        """With the keys of all people asked for at once."""
        rows = list(objs)
        bare = [row for row in rows if row.key_id is None and row.photo_id is None]
        numbers = sealing.keys_of(row.identity_id for row in bare)
        for row in bare:
            row.key_id = numbers[row.identity_id]
        return super().bulk_create(rows, *args, **kwargs)


class Embedding(models.Model):
    """The unit vector of one face of a person, made by one model version.

    photo is empty for vectors that were imported without their picture; source then says what they were called.
    """

    identity = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="embeddings")
    photo = models.ForeignKey(
        Photo, on_delete=models.CASCADE, null=True, blank=True, related_name="embeddings"
    )
    model_version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="embeddings")
    vector = SealedVectorField()
    key = _key_field()
    source = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = EmbeddingManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["photo", "model_version"], name="embedding_once_per_photo_and_model"
            ),
            models.UniqueConstraint(
                fields=["identity", "model_version", "source"],
                condition=Q(photo=None),
                name="imported_embedding_once",
            ),
        ]
        indexes = [models.Index(fields=["model_version", "identity"], name="embedding_by_model")]

    def __str__(self) -> str:
        return f"embedding {self.pk} of {self.identity_id}"

    def data_key(self) -> int:
        """That of its photo, so that both go where the photo goes."""
        photo = self.photo if self.photo_id else None
        return (
            photo.key_id if photo and photo.key_id else sealing.keys_of([self.identity_id])[self.identity_id]
        )


class GalleryChange(models.Model):
    """The log by which every process learns whose vectors changed. ``identity`` empty: load everything again.

    Numbers become visible in order: they are taken under a lock that is held until the transaction ends.
    No foreign key, so that the row outlives an erased person.
    """

    id = models.BigAutoField(primary_key=True)
    identity = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"change {self.pk} of {self.identity}"


class GalleryTemplate(models.Model):
    """A person's template in the clear, for GALLERY_BACKEND=pgvector alone; the log of changes keeps it current.

    No foreign key to the person: whoever writes here waits for nobody who holds a person's row.
    """

    model_version = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, db_constraint=False, db_index=False
    )
    identity = models.BigIntegerField()
    template = VectorField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["model_version", "identity"], name="one_template_of_each")
        ]

    def __str__(self) -> str:
        return f"template of {self.identity}"


class TemplateMark(models.Model):
    """Up to where in the log the templates of a model version are current."""

    model_version = models.OneToOneField(
        ModelVersion, on_delete=models.CASCADE, primary_key=True, db_constraint=False
    )
    number = models.BigIntegerField()
    at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"templates up to change {self.number}"


class GalleryBuild(models.Model):
    """A gallery that was built from Postgres; its primary key is the generation. ``file`` is empty where an engine
    outside this process finds the candidates."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE)
    change_number = models.BigIntegerField(help_text=_("Changes up to this one are in the file."))
    identities = models.PositiveIntegerField()
    vectors = models.PositiveIntegerField()
    file = models.CharField(max_length=200)
    seconds = models.FloatField()
    created_at = models.DateTimeField(_("built"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("generation %(number)s") % {"number": self.pk}


class ThresholdPolicy(models.Model):
    """When a score is a match, for one model version, and the error that this allows."""

    model_version = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="policies")
    verify_threshold = models.FloatField(_("1:1 threshold"))
    identify_threshold = models.FloatField(_("1:N threshold"))
    margin = models.FloatField(help_text=_("How far the best person must be ahead of the second in 1:N."))
    fmr = models.FloatField(
        _("FMR"), null=True, blank=True, help_text=_("False match rate that the 1:1 threshold allows.")
    )
    fpir = models.FloatField(
        _("FPIR"), null=True, blank=True, help_text=_("False positive identification rate in 1:N.")
    )
    source = models.CharField(max_length=200, help_text=_("What it was measured on."))
    measurements = models.JSONField(default=dict, blank=True)
    active = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    activated_at = models.DateTimeField(_("last put in force"), null=True, blank=True)
    replaces = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("What was in force before; what rolling back returns to."),
    )

    class Meta:
        verbose_name_plural = _("threshold policies")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_version"], condition=Q(active=True), name="one_active_policy_per_model"
            ),
            models.CheckConstraint(
                condition=Q(verify_threshold__gte=-1, verify_threshold__lte=1)
                & Q(identify_threshold__gte=-1, identify_threshold__lte=1)
                & Q(margin__gte=0, margin__lte=2),
                name="policy_in_range",
            ),
        ]

    def __str__(self) -> str:
        return _("policy %(number)s for %(model)s") % {"number": self.pk, "model": self.model_version.name}

    @property
    def is_measured(self) -> bool:
        """Whether it comes from scores of real people, and not from what others published."""
        return bool(self.measurements)


class ApiKey(models.Model):
    """The key of one kiosk. Only its SHA-256 is kept: the key has 256 random bits, so no slow hash is needed.

    One that waits for its tablet has no digest yet: the key is made when the tablet shows the pairing code.
    """

    class Scope(models.TextChoices):
        IDENTIFY = "identify", _("identify")
        VERIFY = "verify", _("verify")
        ENROL = "enrol", _("enrol")
        READ = "read", _("read")
        ATTENDANCE = "attendance", _("attendance")
        ADMIN = "admin", _("admin")

    class Direction(models.TextChoices):
        AUTO = "auto", _("in and out by turns")
        IN = "in", _("everybody comes in")
        OUT = "out", _("everybody goes out")

    class Liveness(models.TextChoices):
        OFF = "off", _("nothing: any picture is believed")
        PASSIVE = "passive", _("no signs of a print or a screen on the picture")
        CHALLENGE = "challenge", _("a challenge: the person moves the head as asked")

    name = models.CharField(_("kiosk"), max_length=120)
    place = models.CharField(
        max_length=120,
        blank=True,
        db_default="",
        help_text=_("Where it stands, such as “Main entrance”. Shown with what it saw."),
    )
    prefix = models.CharField(max_length=12, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = ArrayField(models.CharField(max_length=10, choices=Scope))
    direction = models.CharField(
        _("being seen means"),
        max_length=10,
        choices=Direction,
        default=Direction.AUTO,
        db_default=Direction.AUTO,
    )
    pause_seconds = models.PositiveIntegerField(
        _("pause in seconds"),
        default=60,
        db_default=60,
        validators=[MaxValueValidator(86_400)],
        help_text=_("Within it the same person counts once."),
    )
    pairing_digest = models.CharField(max_length=64, blank=True, db_default="", editable=False, db_index=True)
    pairing_expires_at = models.DateTimeField(null=True, blank=True, editable=False)
    paired_at = models.DateTimeField(_("paired"), null=True, blank=True, editable=False)
    liveness = models.CharField(
        _("must see"),
        max_length=10,
        choices=Liveness,
        default=Liveness.OFF,
        help_text=_(
            "What has to show that a living person is there before this kiosk's pictures are believed."
        ),
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class Camera(models.Model):
    """A camera that is watched all the time by a worker.

    source: a webcam's number or an address (rtsp, http), sealed, since it often holds a password.
    """

    name = models.SlugField(
        max_length=40, unique=True, help_text=_("Letters, numbers and dashes; part of its address here.")
    )
    place = models.CharField(
        max_length=120,
        blank=True,
        help_text=_("Where it looks, such as “Main entrance”. Shown with what it saw."),
    )
    source = SealedTextField(
        help_text=_("rtsp://…, http://… or the number of a webcam of the host, such as 0.")
    )
    enabled = models.BooleanField(_("watched"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Decision(models.Model):
    """What was decided about one face of a probe, with all that is needed to decide it again. Never the picture.

    candidates: ``[{"identity": primary key, "score": cosine}]`` best first; for a verification of two pictures empty.
    """

    class Kind(models.TextChoices):
        IDENTIFY = "identify", _("identify")
        VERIFY = "verify", _("verify")
        LOGIN = "login", _("login")
        WATCH = "watch", _("seen by a camera")

    class Outcome(models.TextChoices):
        MATCH = "match", _("match")
        NO_MATCH = "no_match", _("no match")
        REJECTED = "rejected", _("rejected")

    kind = models.CharField(max_length=10, choices=Kind)
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason = models.CharField(max_length=30, blank=True)
    identity = models.ForeignKey(
        Identity,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="decisions",
        verbose_name=_("person"),
    )
    probe = models.UUIDField(help_text=_("The same for all faces of one picture."))
    score = models.FloatField(null=True, blank=True)
    margin = models.FloatField(null=True, blank=True)
    candidates = models.JSONField(default=list, blank=True)
    quality = models.JSONField(default=dict, blank=True)
    liveness = models.JSONField(null=True, blank=True)
    model_version = models.ForeignKey(ModelVersion, on_delete=models.SET_NULL, null=True)
    policy = models.ForeignKey(ThresholdPolicy, on_delete=models.SET_NULL, null=True)
    generation = models.BigIntegerField(null=True, blank=True)
    change_number = models.BigIntegerField(null=True, blank=True)
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, blank=True)
    camera = models.ForeignKey(
        Camera, on_delete=models.SET_NULL, null=True, blank=True, db_index=False, related_name="decisions"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(_("at"), auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("event")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["identity", "-id"], name="decision_by_identity"),
            models.Index(fields=["probe"], name="decision_by_probe"),
            models.Index(
                fields=["camera", "-id"], name="decision_by_camera", condition=Q(camera__isnull=False)
            ),
            # For erasing and merging, which change every mention of a person.
            GinIndex(fields=["candidates"], name="decision_by_candidate", opclasses=["jsonb_path_ops"]),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.get_outcome_display()}, {_exactly(self.created_at)}"

    @property
    def corrected(self) -> Correction | None:
        """What staff said of it since. Ask for it with ``select_related("correction")`` where there are many."""
        return getattr(self, "correction", None)


class Correction(models.Model):
    """Who it really was, as staff say of a decision, which stays as it was recorded.

    identity: empty when it was none of the people who are known. taken: attendance that was recorded for the wrong
    person and taken back, to be put back when the correction is.
    """

    decision = models.OneToOneField(Decision, on_delete=models.CASCADE, related_name="correction")
    identity = models.ForeignKey(
        Identity, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    taken = models.JSONField(default=list, editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("correction of event %(number)s") % {"number": self.decision_id}


class Lookalikes(models.Model):
    """Two people whose faces a camera confuses, such as twins: at sign-in a face alone opens neither account."""

    class Source(models.TextChoices):
        CORRECTION = "correction", _("one was taken for the other")
        STAFF = "staff", _("added by staff")

    first = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(_("why"), max_length=10, choices=Source)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("look-alikes")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="lookalikes_once"),
            models.CheckConstraint(condition=Q(first__lt=F("second")), name="lookalikes_in_order"),
        ]

    def __str__(self) -> str:
        return _("%(one)s and %(other)s") % {"one": self.first, "other": self.second}


class Attendance(models.Model):
    """That a person came or went, as a kiosk saw it.

    at: when the picture was taken; created_at: when it arrived, later where the kiosk had no connection.
    stated: whether the kiosk said which of the two it is. Otherwise it follows from the one before.
    read: the number that the kiosk gave its picture, so that sending it again records nothing twice.
    """

    class Kind(models.TextChoices):
        IN = "in", _("in")
        OUT = "out", _("out")

    identity = models.ForeignKey(
        Identity, on_delete=models.CASCADE, related_name="attendances", verbose_name=_("person")
    )
    kind = models.CharField(max_length=3, choices=Kind)
    stated = models.BooleanField(default=False)
    at = models.DateTimeField(db_index=True)
    api_key = models.ForeignKey(
        ApiKey, on_delete=models.PROTECT, related_name="attendances", verbose_name=_("kiosk")
    )
    place = models.CharField(max_length=120, blank=True, help_text=_("Where the kiosk stood then."))
    read = models.UUIDField()
    decision = models.ForeignKey(Decision, on_delete=models.SET_NULL, null=True, related_name="attendances")
    created_at = models.DateTimeField(_("arrived"), auto_now_add=True)

    class Meta:
        verbose_name_plural = _("attendance")
        ordering = ["-at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["api_key", "read", "identity"], name="attendance_once_per_read")
        ]
        indexes = [models.Index(fields=["identity", "-at"], name="attendance_by_identity")]

    def __str__(self) -> str:
        return _("attendance %(number)s of %(person)s") % {"number": self.pk, "person": self.identity_id}


class LoggedEvent(models.Model):
    """That something happened which others may be told of; Postgres writes it with the event, in the same transaction.

    subject: primary key of the decision or attendance. What is told is read from it then, so that nothing about anybody
    lies here. Numbers are given in the order of writing and seen in the order of commits: recognition/services/events
    reads them without missing one.
    """

    type = models.CharField(max_length=30)
    subject = models.BigIntegerField()
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"event {self.pk}: {self.type}"


class Webhook(models.Model):
    """An address that is told of events as they happen. What it is told is signed with its secret."""

    class Type(models.TextChoices):
        RECOGNISED = "person.recognised", _("somebody was recognised")
        NOT_RECOGNISED = "person.not_recognised", _("somebody was not recognised")
        REFUSED = "person.refused", _("a picture or screen was shown")
        SIGNED_IN = "person.signed_in", _("somebody signed in by face")
        CAME = "attendance.in", _("somebody came")
        WENT = "attendance.out", _("somebody went")
        TEST = "test", _("a test")

    name = models.CharField(max_length=100, unique=True)
    url = models.CharField(
        _("address"),
        max_length=500,
        help_text=_(
            "https://…, or mqtts://broker/topic by MQTT; http and mqtt only within WEBHOOK_NETWORKS."
        ),
    )
    types = ArrayField(models.CharField(max_length=30, choices=Type), default=list)
    with_names = models.BooleanField(
        default=False,
        help_text=_("Whether names are told, or only IDs. Scores, vectors and pictures never are."),
    )
    secret = SealedTextField(editable=False)
    username = models.CharField(
        _("user"), max_length=200, blank=True, help_text=_("Of a broker that asks for one.")
    )
    password = SealedTextField(blank=True, default="")
    active = models.BooleanField(default=True, help_text=_("Whether anything is sent."))
    failing_since = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One event that one webhook has to be told; Postgres writes it with the event, in the same transaction.

    subject: primary key of the decision or attendance. What is sent is read from it then, so that nothing about anybody
    lies here. next_at: when it is tried next; empty when it was delivered or given up.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    type = models.CharField(max_length=30, choices=Webhook.Type)
    subject = models.BigIntegerField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(_("next try"), null=True, db_index=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True)
    status = models.PositiveSmallIntegerField(_("answer"), null=True)
    milliseconds = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(_("since"))

    class Meta:
        verbose_name_plural = _("deliveries")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return _("%(type)s to %(webhook)s") % {"type": self.get_type_display(), "webhook": self.webhook}


class ProbePicture(models.Model):
    """A picture that was shown to the site, kept only where the site says for how many days (KEEP_PROBES_DAYS)."""

    probe = models.UUIDField(unique=True, help_text=_("As in the decisions about its faces."))
    image = SealedFileField(upload_to="probes/")
    key = _key_field()
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    def __str__(self) -> str:
        return _("picture of %(time)s") % {"time": _exactly(self.created_at)}

    def data_key(self) -> int:
        """A key of its own: it may show several people, or nobody who is known."""
        return sealing.new_key(None).pk


class Visitor(models.Model):
    """A stranger whose face was seen and not known, kept only where the site says for how many days
    (KEEP_VISITORS_DAYS). Times and places are those of the appearances."""

    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("unknown visitor")
        verbose_name_plural = _("unknown visitors")
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("visitor %(number)s") % {"number": self.pk}


class Appearances(models.Manager["Appearance"]):
    def bare(self) -> models.QuerySet[Appearance]:
        """Without what is sealed."""
        return self.defer("vector", "crop", "picture")


class Appearance(models.Model):
    """That a stranger was seen. visitor: empty until a worker has found out whose face it is like.

    vector, crop, picture: the face, as the networks see it and with what is around it, both JPEG; empty, as is the key,
    in all but a visitor's best. They lie in the row, since the request that keeps them waits for few statements only.
    Ask for rows without them (`bare`) where they are not wanted: reading opens them. quality: of the face, 0 to 1.
    """

    visitor = models.ForeignKey(Visitor, on_delete=models.CASCADE, null=True, related_name="appearances")
    decision = models.OneToOneField(Decision, on_delete=models.CASCADE, related_name="appearance")
    model_version = models.ForeignKey(ModelVersion, on_delete=models.SET_NULL, null=True, related_name="+")
    vector = SealedVectorField(null=True)
    crop = SealedBytesField(null=True)
    picture = SealedBytesField(null=True)
    key = _key_field()
    quality = models.FloatField()
    at = models.DateTimeField(db_index=True)

    objects = Appearances()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], name="appearance_waiting", condition=Q(visitor=None)),
        ]

    def __str__(self) -> str:
        return f"appearance {self.pk}"

    def data_key(self) -> int:
        """A key of its own, that is destroyed with it."""
        return sealing.new_key(None).pk


class Erasure(models.Model):
    """The receipt of a person's erasure. It names nobody: a number, counts and digests, and a signature.

    person: the number that the person had here. by: who erased it, as it was called then.
    """

    person = models.BigIntegerField(db_index=True)
    receipt = models.JSONField()
    by = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(_("erased"), auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return _("erasure of person %(number)s") % {"number": self.person}


class RetentionRun(models.Model):
    """What the site removed because it was older than it may be. removed: kind -> how many."""

    removed = models.JSONField(default=dict)
    ended_at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("retention run")
        ordering = ["-id"]

    def __str__(self) -> str:
        return _exactly(self.ended_at)


class Job(models.Model):
    """Long work that somebody asked for and a worker does."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    progress = models.PositiveSmallIntegerField(default=0, help_text=_("Percent."))
    message = models.CharField(max_length=1000, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(_("asked for"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    @property
    def is_under_way(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)


class Evaluation(Job):
    """A measurement of how well the enrolled people can be told apart.

    figures: the document of `recognition.services.evaluation.figures_of`, people as primary keys.
    pictures: name -> SVG.
    """

    model_version = models.ForeignKey(ModelVersion, on_delete=models.SET_NULL, null=True)
    policy = models.ForeignKey(ThresholdPolicy, on_delete=models.SET_NULL, null=True)
    people = models.PositiveIntegerField(default=0)
    photos = models.PositiveIntegerField(default=0)
    figures = models.JSONField(default=dict)
    pictures = models.JSONField(default=dict)


class Calibration(Job):
    """A choice of thresholds from the enrolled people, as somebody wished for it.

    wish: the fields of `recognition.services.thresholds.Wish`. policy: what came of it, not in force yet.
    """

    wish = models.JSONField(default=dict)
    policy = models.ForeignKey(ThresholdPolicy, on_delete=models.SET_NULL, null=True)


class Import(Job):
    """People and photos that a program handed in as a zip, to be looked at before it is started.

    What was handed in is in `ImportPart` until it is done. understood: how its table was read. agreed_at: when
    everybody agreed to the consent text. report: how many people were added, and whether it was stopped.
    """

    class Stage(models.TextChoices):
        PREPARED = "prepared", "to be started"
        WAITING = "waiting", "waiting"
        RUNNING = "running", "running"
        DONE = "done", "done"
        FAILED = "failed", "failed"

    state = models.CharField(max_length=10, choices=Stage, default=Stage.PREPARED)
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, verbose_name="kiosk")
    idempotency_key = models.CharField(max_length=100, blank=True)
    filename = models.CharField(max_length=255, blank=True)
    understood = models.CharField(max_length=1000, blank=True)
    agreed_at = models.DateTimeField(null=True)
    stop_wished = models.BooleanField(default=False)
    report = models.JSONField(default=dict)
    key = _key_field()

    class Meta(Job.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["api_key", "idempotency_key"],
                condition=~models.Q(idempotency_key=""),
                name="import_handed_in_once",
            )
        ]


class ImportPart(models.Model):
    """A piece of what was handed in, sealed with the key of its import."""

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_part_of_a_number")]

    def __str__(self) -> str:
        return f"part {self.number} of {self.job_id}"


class ImportRow(models.Model):
    """A photo of an import, or a person without one: whose it is said to be, and what became of it.

    known: the person was enrolled before. identity: who it is, once that is known.
    """

    class Result(models.TextChoices):
        PLANNED = "planned", "to be taken"
        MISSING = "missing", "named by the table, not in the zip"
        UNUSED = "unused", "in the zip, not named by the table"
        TAKEN = "taken", "taken"
        KNOWN = "known", "there already"
        REFUSED = "refused", "refused"

    job = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField()
    external_id = models.CharField(max_length=255, blank=True, db_index=True)
    name = models.CharField(max_length=255, blank=True)
    known = models.BooleanField(default=False)
    agreed_at = models.DateTimeField(null=True)
    path = models.CharField(max_length=1000, blank=True)
    result = models.CharField(max_length=10, choices=Result, default=Result.PLANNED)
    reason = models.CharField(max_length=60, blank=True)
    message = models.CharField(max_length=500, blank=True)
    identity = models.ForeignKey(Identity, on_delete=models.CASCADE, null=True, related_name="import_rows")
    photo = models.ForeignKey(Photo, on_delete=models.SET_NULL, null=True, related_name="+")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="one_row_of_a_number")]

    def __str__(self) -> str:
        return f"{self.path or self.external_id} of {self.job_id}"


class ModelChange(models.Model):
    """A site's way from one embedding model to another: new vectors beside the old ones, a comparison, the switch.

    cursor: photos up to this number have been gone through. skipped: numbers of photos whose picture cannot be read.
    worker, worker_until: who computes at present and until when nobody else does.
    switch_when_ready: the workers switch as soon as no vector is missing, without asking again.
    figures: ``{"before": ..., "after": ...}`` of `recognition.services.evaluation.figures`. pictures: name -> SVG.
    """

    class State(models.TextChoices):
        COMPUTING = "computing", _("computing vectors")
        SHADOW = "shadow", _("compared in the shadow")
        DONE = "done", _("done")
        STOPPED = "stopped", _("stopped")

    OPEN = (State.COMPUTING, State.SHADOW)

    target = models.ForeignKey(ModelVersion, on_delete=models.CASCADE, related_name="+", verbose_name=_("to"))
    before = models.ForeignKey(
        ModelVersion, on_delete=models.CASCADE, related_name="+", verbose_name=_("from")
    )
    state = models.CharField(max_length=10, choices=State, default=State.COMPUTING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    cursor = models.BigIntegerField(default=0)
    skipped = models.JSONField(default=list)
    worker = models.CharField(max_length=40, blank=True)
    worker_until = models.DateTimeField(null=True)
    message = models.CharField(max_length=300, blank=True)
    switch_when_ready = models.BooleanField(default=False)
    figures = models.JSONField(default=dict)
    pictures = models.JSONField(default=dict)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(_("begun"), auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    activated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    activated_at = models.DateTimeField(_("switched"), null=True, blank=True)

    class Meta:
        verbose_name = _("model change")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(state__in=["computing", "shadow"]), name="one_open_model_change"
            )
        ]

    def __str__(self) -> str:
        return _("%(before)s to %(after)s") % {"before": self.before.name, "after": self.target.name}


class ShadowDecision(models.Model):
    """What the model to come would have decided about a probe; nobody was told."""

    decision = models.OneToOneField(Decision, on_delete=models.CASCADE, related_name="shadow")
    change = models.ForeignKey(ModelChange, on_delete=models.CASCADE, related_name="shadows")
    outcome = models.CharField(max_length=10, choices=Decision.Outcome)
    identity = models.ForeignKey(Identity, on_delete=models.SET_NULL, null=True, related_name="+")
    score = models.FloatField(null=True)
    agrees = models.BooleanField()

    class Meta:
        indexes = [models.Index(fields=["change", "agrees"], name="shadow_by_change")]

    def __str__(self) -> str:
        return f"shadow of {self.decision_id}"


class StoredFile(models.Model):
    """The bytes of a photo or crop, kept by `recognition.storage.DatabaseStorage`."""

    name = models.CharField(max_length=200, unique=True)
    content = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """One thing that somebody did or tried: never changed and never removed, Postgres sees to that.

    It names people by their number only, so that it may outlive an erased person. action: such as ``person.changed`` or
    ``photo.seen``. who: as they were called then; user, key: their numbers. way: how they came: password, face, key,
    command or task. detail: never a picture, a vector, a name or a secret.
    """

    at = models.DateTimeField(db_default=Now(), db_index=True)
    action = models.CharField(max_length=60)
    who = models.CharField(max_length=200, blank=True)
    user = models.BigIntegerField(null=True)
    key = models.BigIntegerField(null=True)
    address = models.CharField(_("from"), max_length=60, blank=True)
    way = models.CharField(max_length=20, blank=True)
    kind = models.CharField(_("what"), max_length=60, blank=True)
    object = models.CharField(_("number"), max_length=60, blank=True)
    person = models.BigIntegerField(null=True, db_index=True)
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = _("audit log")
        ordering = ["-id"]
        indexes = [models.Index(fields=["action", "-id"], name="audit_by_action")]

    def __str__(self) -> str:
        return f"{self.action} {_exactly(self.at)}"


class AuditLink(models.Model):
    """The place of an entry in the chain. Postgres adds it as the transaction of the entry ends.

    digest: SHA-256 of the digest before and of what the entry says, so that none can be changed, removed,
    added or moved without all later ones telling.
    """

    number = models.BigIntegerField(primary_key=True)
    entry = models.BigIntegerField(unique=True)
    digest = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"link {self.number}"
