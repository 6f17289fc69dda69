"""What all resources share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from recognition.models import Identity

MAX_PAGE_SIZE = 100
SHOWN = 10  # unknown fields in an error
MAX_NUMBER = 2**63 - 1  # of a row in Postgres


# The docstrings of serializers become descriptions in the OpenAPI document, also those of base classes.


class Input(serializers.Serializer):
    # Names that are not known are refused: a misspelt filter would otherwise answer everything.
    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            if unknown := sorted(set(map(str, data)) - known):
                text = f"There is no such field here. Known: {', '.join(sorted(known)) or 'none'}."
                raise ValidationError(
                    {name[:100]: [ErrorDetail(text, "unknown")] for name in unknown[:SHOWN]}
                )
        value: dict[str, Any] = super().to_internal_value(data)
        return value


class PageQuery(Input):
    page = serializers.IntegerField(min_value=1, max_value=1_000_000, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=50)


class Page(serializers.Serializer):
    # Subclasses add ``results``.
    count = serializers.IntegerField(help_text="How many there are on all pages.")
    next = serializers.URLField(allow_null=True, help_text="Address of the next page.")
    previous = serializers.URLField(allow_null=True, help_text="Address of the page before.")


class ErrorContent(serializers.Serializer):
    code = serializers.CharField(help_text="Stable, for machines.")
    message = serializers.CharField(help_text="What is wrong and what to do next.")
    detail = serializers.JSONField(required=False, help_text="More about it, by code.")


class Error(serializers.Serializer):
    error = ErrorContent()


# Django refuses the null byte in any text; the document has to say so.
WITHOUT_NULL = RegexValidator(
    r"^[^\u0000]*$", "Null characters are not allowed.", "null_characters_not_allowed"
)


class Text(serializers.CharField):
    """Takes no numbers for texts: 007 and 7 would be two people. Empty in a form is empty too, and not left out.

    validators: what else a text has to be; such a pattern takes the place of the one without the null byte.
    """

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("validators", [WITHOUT_NULL])
        super().__init__(**kwargs)

    def get_value(self, dictionary: Any) -> Any:
        return dictionary.get(self.field_name, serializers.empty)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        text: str = super().to_internal_value(data)
        return text


class PersonIdField(Text):
    """An external ID, with the rules of the model."""

    def __init__(self, **kwargs: Any) -> None:
        field = Identity._meta.get_field("external_id")
        rules = [v for v in field.validators if v.code == "invalid"]
        super().__init__(max_length=field.max_length, validators=rules, **kwargs)


class PersonName(serializers.Serializer):
    external_id = serializers.CharField()
    name = serializers.CharField()
