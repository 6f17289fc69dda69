"""How dates and times are written, where the site differs from Django's own ways."""
