"""The accounts' tables without what listens to sign-ins."""

from __future__ import annotations

from django.apps import AppConfig


class BareAccounts(AppConfig):
    name = "accounts"
