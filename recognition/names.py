"""Names of tables and columns that Django makes from those in the code, so that they can be translated.

They are put in place when the application starts, so that migrations do not see them.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

TABLES = (
    (_("API key"), _("API keys")),
    (_("attendance"), _("attendance")),
    (_("audit entry"), _("audit log")),
    (_("audit link"), _("audit links")),
    (_("calibration"), _("calibrations")),
    (_("authenticator"), _("authenticators")),
    (_("camera"), _("cameras")),
    (_("consent"), _("consents")),
    (_("consent text"), _("consent texts")),
    (_("correction"), _("corrections")),
    (_("data key"), _("data keys")),
    (_("delivery"), _("deliveries")),
    (_("detector"), _("detectors")),
    (_("embedding"), _("embeddings")),
    (_("erasure"), _("erasures")),
    (_("evaluation"), _("evaluations")),
    (_("event"), _("events")),
    (_("gallery build"), _("gallery builds")),
    (_("gallery change"), _("gallery changes")),
    (_("gallery template"), _("gallery templates")),
    (_("import"), _("imports")),
    (_("import part"), _("import parts")),
    (_("import row"), _("import rows")),
    (_("invitation"), _("invitations")),
    (_("appearance"), _("appearances")),
    (_("logged event"), _("logged events")),
    (_("look-alikes"), _("look-alikes")),
    (_("merge"), _("merges")),
    (_("model change"), _("model changes")),
    (_("model version"), _("model versions")),
    (_("person"), _("people")),
    (_("photo"), _("photos")),
    (_("probe picture"), _("probe pictures")),
    (_("retention run"), _("retention runs")),
    (_("rule of sign-in by face"), _("rules of sign-in by face")),
    (_("shadow decision"), _("shadow decisions")),
    (_("stored file"), _("stored files")),
    (_("template mark"), _("template marks")),
    (_("threshold policy"), _("threshold policies")),
    (_("user"), _("users")),
    (_("webhook"), _("webhooks")),
)
COLUMNS = (
    _("action"),
    _("activated by"),
    _("active"),
    _("api key"),
    _("at"),
    _("attempts"),
    _("by"),
    _("camera"),
    _("change number"),
    _("created at"),
    _("created by"),
    _("decision"),
    _("detail"),
    _("dimensions"),
    _("error"),
    _("failing since"),
    _("file"),
    _("first"),
    _("generation"),
    _("group"),
    _("identities"),
    _("key"),
    _("kind"),
    _("last used at"),
    _("margin"),
    _("milliseconds"),
    _("model version"),
    _("name"),
    _("outcome"),
    _("policy"),
    _("people"),
    _("person"),
    _("photos"),
    _("place"),
    _("probe"),
    _("reason"),
    _("receipt"),
    _("replaces"),
    _("revoked at"),
    _("scopes"),
    _("second"),
    _("source"),
    _("state"),
    _("status"),
    _("subject"),
    _("text"),
    _("type"),
    _("types"),
    _("user"),
    _("vectors"),
    _("version"),
    _("read"),
    _("way"),
    _("webhook"),
    _("who"),
    _("with names"),
    _("stated"),
)


def translate(models: Iterable[type[Model]]) -> None:
    """Every name of these tables and their columns that stands here is told in the language of whoever reads it."""
    tables = {str(name): text for both in TABLES for name, text in zip(map(str, both), both, strict=True)}
    columns = {str(name): name for name in COLUMNS}
    for model in models:
        about = model._meta
        about.verbose_name = tables.get(str(about.verbose_name), about.verbose_name)
        about.verbose_name_plural = tables.get(str(about.verbose_name_plural), about.verbose_name_plural)
        for field in about.fields:
            field.verbose_name = columns.get(str(field.verbose_name), field.verbose_name)
