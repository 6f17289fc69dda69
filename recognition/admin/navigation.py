"""The side bar of the admin, and what else the theme asks for by name in settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {
            "items": [
                {"title": _("Overview"), "icon": "dashboard", "link": reverse_lazy("admin:index")},
                _item(
                    _("Recognise"),
                    "frame_person",
                    "recognition_decision_recognise",
                    "recognition.view_identity",
                ),
            ]
        },
        {
            "title": _("People"),
            "separator": True,
            "items": [
                _model(_("People"), "group", "recognition_identity", "recognition.view_identity"),
                _beside(
                    request,
                    _model(_("Photos"), "photo_library", "recognition_photo", "recognition.view_photo"),
                    "recognition_photo_review",
                ),
                _item(_("Review"), "rule", "recognition_photo_review", "recognition.view_photo"),
                _beside(
                    request,
                    _model(_("Events"), "fact_check", "recognition_decision", "recognition.view_decision"),
                    "recognition_decision_recognise",
                ),
                _model(
                    _("Unknown visitors"),
                    "person_search",
                    "recognition_visitor",
                    "recognition.view_visitor",
                ),
                _model(_("Look-alikes"), "people", "recognition_lookalikes", "recognition.view_lookalikes"),
                _model(_("Attendance"), "schedule", "recognition_attendance", "recognition.view_attendance"),
                _model(
                    _("Consent texts"), "handshake", "recognition_consenttext", "recognition.view_consenttext"
                ),
                _model(_("Erasures"), "person_remove", "recognition_erasure", "recognition.view_erasure"),
                _model(
                    _("Retention"), "auto_delete", "recognition_retentionrun", "recognition.view_retentionrun"
                ),
            ],
        },
        {
            "title": _("Recognition"),
            "separator": True,
            "items": [
                _model(_("Cameras"), "videocam", "recognition_camera", "recognition.view_camera"),
                _model(
                    _("Kiosks and keys"), "tablet_android", "recognition_apikey", "recognition.view_apikey"
                ),
                _model(_("Webhooks"), "webhook", "recognition_webhook", "recognition.view_webhook"),
                _model(
                    _("Thresholds"), "tune", "recognition_thresholdpolicy", "recognition.view_thresholdpolicy"
                ),
                _model(
                    _("Evaluation"), "query_stats", "recognition_evaluation", "recognition.view_evaluation"
                ),
                _model(_("Index"), "database", "recognition_gallerybuild", "recognition.view_gallerybuild"),
                _model(_("Models"), "neurology", "recognition_modelversion", "recognition.view_modelversion"),
                _model(
                    _("Detector"),
                    "center_focus_strong",
                    "recognition_detectorchoice",
                    "recognition.view_detectorchoice",
                ),
                _model(
                    _("Model changes"),
                    "swap_horiz",
                    "recognition_modelchange",
                    "recognition.view_modelchange",
                ),
            ],
        },
        {
            "title": _("Accounts"),
            "separator": True,
            "items": [
                _model(_("Audit log"), "history", "recognition_auditentry", "recognition.view_auditentry"),
                _model(_("Users"), "manage_accounts", "accounts_user", "accounts.view_user"),
                _model(_("Groups"), "shield_person", "auth_group", "auth.view_group"),
                _model(_("Email addresses"), "mail", "account_emailaddress", "account.view_emailaddress"),
            ],
        },
    ]


def stylesheet(request: HttpRequest) -> str:
    return static("admin_recognition/admin.css")


def station_stylesheet(request: HttpRequest) -> str:
    return static("site/station.css")


def mark(request: HttpRequest) -> str:
    return static("site/mark.svg")


def _model(title: str, icon: str, name: str, permission: str) -> dict[str, Any]:
    return _item(title, icon, f"{name}_changelist", permission)


def _beside(request: HttpRequest, item: dict[str, Any], page: str) -> dict[str, Any]:
    """The item of a list below whose address another item's page lies: the theme compares beginnings of addresses."""
    view = str(request.resolver_match.url_name) if request.resolver_match else ""
    family = page.rpartition("_")[0]
    item["active"] = view.startswith(f"{family}_") and view != page
    return item


def _item(title: str, icon: str, view: str, permission: str) -> dict[str, Any]:
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{view}"),
        "permission": _allows(permission),
    }


def _allows(permission: str) -> Callable[[HttpRequest], bool]:
    return lambda request: request.user.has_perm(permission)
