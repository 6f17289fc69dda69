"""The side bar of the admin, and what else the theme asks for by name in settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    return [
        {
            "items": [
                {"title": "Overview", "icon": "dashboard", "link": reverse_lazy("admin:index")},
                _item(
                    "Recognise", "frame_person", "recognition_decision_recognise", "recognition.view_identity"
                ),
            ]
        },
        {
            "title": "People",
            "separator": True,
            "items": [
                _model("People", "group", "recognition_identity", "recognition.view_identity"),
                _beside(
                    request,
                    _model("Photos", "photo_library", "recognition_photo", "recognition.view_photo"),
                    "recognition_photo_review",
                ),
                _item("Review", "rule", "recognition_photo_review", "recognition.view_photo"),
                _beside(
                    request,
                    _model("Events", "fact_check", "recognition_decision", "recognition.view_decision"),
                    "recognition_decision_recognise",
                ),
                _model("Look-alikes", "people", "recognition_lookalikes", "recognition.view_lookalikes"),
                _model("Attendance", "schedule", "recognition_attendance", "recognition.view_attendance"),
                _model(
                    "Consent texts", "handshake", "recognition_consenttext", "recognition.view_consenttext"
                ),
                _model("Erasures", "person_remove", "recognition_erasure", "recognition.view_erasure"),
                _model(
                    "Retention", "auto_delete", "recognition_retentionrun", "recognition.view_retentionrun"
                ),
            ],
        },
        {
            "title": "Recognition",
            "separator": True,
            "items": [
                _model("Cameras", "videocam", "recognition_camera", "recognition.view_camera"),
                _model("Kiosks and keys", "tablet_android", "recognition_apikey", "recognition.view_apikey"),
                _model("Webhooks", "webhook", "recognition_webhook", "recognition.view_webhook"),
                _model(
                    "Thresholds", "tune", "recognition_thresholdpolicy", "recognition.view_thresholdpolicy"
                ),
                _model("Evaluation", "query_stats", "recognition_evaluation", "recognition.view_evaluation"),
                _model("Index", "database", "recognition_gallerybuild", "recognition.view_gallerybuild"),
                _model("Models", "neurology", "recognition_modelversion", "recognition.view_modelversion"),
                _model(
                    "Model changes", "swap_horiz", "recognition_modelchange", "recognition.view_modelchange"
                ),
            ],
        },
        {
            "title": "Accounts",
            "separator": True,
            "items": [
                _model("Audit log", "history", "recognition_auditentry", "recognition.view_auditentry"),
                _model("Users", "manage_accounts", "accounts_user", "accounts.view_user"),
                _model("Groups", "shield_person", "auth_group", "auth.view_group"),
                _model("Email addresses", "mail", "account_emailaddress", "account.view_emailaddress"),
            ],
        },
    ]


def stylesheet(request: HttpRequest) -> str:
    return static("admin_recognition/admin.css")


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
