"""English: the clock has 24 hours, as everywhere else on a page."""
