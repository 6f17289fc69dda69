from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import audit, roles  # noqa: F401  they listen to sign-ins and migrations
        from recognition import names

        names.translate(self.get_models())
