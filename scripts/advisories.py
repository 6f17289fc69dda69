"""Whether an installed package has a known weakness: pip-audit asks the open database osv.dev.

Fails when one has. Where the database cannot be reached, says so and lets everything else go on. Options are
pip-audit's, such as ``--ignore-vuln ID`` for one that does not concern this site.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# They came with Python and install the rest; the site never runs them.
TOOLS = {"pip", "setuptools"}
UNREACHABLE = re.compile(
    r"Connect(ion)?(Error|Timeout)|ReadTimeout|ProxyError|SSLError|ServiceError|Could not connect"
)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip_audit", "--local", "--vulnerability-service", "osv"]
        command += ["--format", "json", "--output", str(report), "--progress-spinner", "off", *sys.argv[1:]]
        done = subprocess.run(command, capture_output=True, text=True)
        if report.is_file():
            return told(json.loads(report.read_text())["dependencies"])
    said = done.stderr.strip() or "pip-audit said nothing"
    if UNREACHABLE.search(said):
        print(
            "Installed packages were NOT checked for known weaknesses: the database cannot be reached from here."
        )
        print(f"Run this again where it can. ({said.splitlines()[-1][:120]} ...)")
        return 0
    print(said, file=sys.stderr)
    return 1


def told(packages: list[dict[str, object]]) -> int:
    """Say which packages have a weakness; the exit status."""
    concerned = False
    for package in packages:
        for weakness in package.get("vulns", ()):
            of_the_site = package["name"] not in TOOLS
            concerned |= of_the_site
            fixed = ", ".join(weakness["fix_versions"]) or "no version yet"
            note = "" if of_the_site else " (a tool, not part of the site)"
            print(f"{package['name']} {package['version']}: {weakness['id']}, mended in {fixed}{note}")
            print(f"    {weakness['description'][:200]}")
    checked = sum("version" in package for package in packages)
    verdict = "weaknesses found" if concerned else "nothing known against the site"
    print(f"{checked} installed packages checked, {verdict}.")
    return int(concerned)


if __name__ == "__main__":
    sys.exit(main())
