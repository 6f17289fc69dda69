"""What was noted in the history of a row, in the language of whoever reads it."""

from __future__ import annotations

from django import template

from recognition.services import wording

register = template.Library()
register.filter(wording.noted_text)
