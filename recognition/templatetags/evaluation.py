"""Numbers of an evaluation as people read them."""

from __future__ import annotations

from django import template

from recognition.services import wording

register = template.Library()


@register.filter
def percent(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else wording.percent(value, digits)


@register.filter
def one_in(share: float | None) -> str:
    return "–" if share is None else wording.one_in(share)


@register.filter
def rate(value: float | None) -> str:
    """An error rate such as 1e-4, 3.8e-3 or 0."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if value >= 0.1:
        return f"{value:.2g}"
    digits, _, exponent = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent)}"


@register.filter
def score(value: float | None) -> str:
    return "–" if value is None else wording.decimal(value, 3)
