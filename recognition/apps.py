from django.apps import AppConfig, apps
from django.utils.translation import gettext_lazy as _


class RecognitionConfig(AppConfig):
    name = "recognition"
    verbose_name = _("Recognition")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from recognition import checks, names  # noqa: F401

        names.translate(apps.get_models())
