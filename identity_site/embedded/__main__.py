"""``python -m identity_site.embedded DATA_DIR`` stops the servers of a data folder unless somebody uses them."""

from __future__ import annotations

import sys
from pathlib import Path

from identity_site.embedded import stop_unused

if __name__ == "__main__":
    stop_unused(Path(sys.argv[1]))
