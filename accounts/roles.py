"""Ready groups with the least rights that each task needs."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models.signals import post_migrate
from django.dispatch import receiver

_SEES_PEOPLE = ("view_identity", "view_photo", "view_decision", "view_consent", "view_consenttext")
ROLES: dict[str, tuple[str, ...]] = {
    # Everything about people, keys, rules and models. Accounts stay with administrators: whoever may change them may
    # give themselves every right.
    "owner": (
        *_SEES_PEOPLE,
        "add_identity",
        "change_identity",
        "delete_identity",
        "add_photo",
        "change_photo",
        "delete_photo",
        "view_probepicture",
        "add_consent",
        "change_consent",
        "add_consenttext",
        "view_erasure",
        "view_retentionrun",
        "view_apikey",
        "add_apikey",
        "change_apikey",
        "view_thresholdpolicy",
        "add_thresholdpolicy",
        "change_thresholdpolicy",
        "view_evaluation",
        "add_evaluation",
        "view_gallerybuild",
        "add_gallerybuild",
        "view_modelversion",
        "add_modelversion",
        "change_modelversion",
        "delete_modelversion",
        "view_detectorchoice",
        "add_detectorchoice",
        "view_modelchange",
        "add_modelchange",
        "change_modelchange",
        "view_auditentry",
        "view_attendance",
        "add_correction",
        "view_webhook",
        "add_webhook",
        "change_webhook",
        "delete_webhook",
        "view_delivery",
        "view_lookalikes",
        "add_lookalikes",
        "delete_lookalikes",
        "view_visitor",
        "change_visitor",
        "delete_visitor",
        "view_camera",
        "add_camera",
        "change_camera",
        "delete_camera",
    ),
    # Adds people and photos and looks through what waits for a human; erases nobody.
    "enroller": (
        "view_identity",
        "add_identity",
        "change_identity",
        "view_photo",
        "add_photo",
        "change_photo",
        "view_consent",
        "add_consent",
        "view_consenttext",
    ),
    # Sees what was done and decided, and changes nothing; no faces.
    "auditor": (
        "view_auditentry",
        "view_decision",
        "view_attendance",
        "view_erasure",
        "view_retentionrun",
        "view_thresholdpolicy",
        "view_apikey",
        "view_modelversion",
        "view_detectorchoice",
        "view_modelchange",
        "view_evaluation",
    ),
    # Keeps the machine running: index, models, kiosks; sees no faces.
    "operator": (
        "view_gallerybuild",
        "add_gallerybuild",
        "view_modelversion",
        "view_detectorchoice",
        "view_modelchange",
        "view_evaluation",
        "add_evaluation",
        "view_apikey",
        "change_apikey",
        "view_camera",
        "change_camera",
        "view_retentionrun",
    ),
}


@receiver(post_migrate)
def make_roles(sender: Any, **_: Any) -> None:
    """Make the groups that are missing. One that is there is the site's own business."""
    if sender.name != "recognition":
        return
    for name, rights in ROLES.items():
        group, made = Group.objects.get_or_create(name=name)
        if made:
            found = Permission.objects.filter(codename__in=rights, content_type__app_label="recognition")
            group.permissions.set(found)
