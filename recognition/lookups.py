"""``name__spelled="nguyen"``: names as people type them, whatever their accents and capitals."""

from __future__ import annotations

from typing import Any

from django.db.models import CharField, Lookup

# Letters without their marks. The Vietnamese d with stroke is a letter of its own in Unicode. The embedded PostgreSQL
# has no extension `unaccent`.
PLAIN = "translate(regexp_replace(normalize(lower({}), NFD), U&'[\\0300-\\036F]', '', 'g'), 'đ', 'd')"


@CharField.register_lookup
class Spelled(Lookup):
    """Whether the text holds the other one."""

    lookup_name = "spelled"

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, tuple[Any, ...]]:
        text, text_values = self.process_lhs(compiler, connection)
        part, part_values = self.process_rhs(compiler, connection)
        sql = f"position({PLAIN.format(f'{part}::text')} in {PLAIN.format(f'{text}::text')}) > 0"
        return sql, (*part_values, *text_values)
