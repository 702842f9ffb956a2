"""What is installed: its licences and a bill of materials, and whether anybody knows of a weakness in it."""

import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
BILL = REPOSITORY / "sbom.json"
LICENCES = REPOSITORY / "LICENCES.md"


def locked() -> dict[str, str]:
    """Read the lock file: name and version of every library."""
    lines = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8").splitlines()
    found = (re.match(r"([A-Za-z0-9._-]+)==([^\s;#]+)", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def licence_of(name: str) -> str:
    """Say under which licence a library is installed here, as its own metadata tells."""
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed here"
    classifiers = [
        one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or [] if one.startswith("License ::")
    ]
    first = (told.get("License") or "").strip().splitlines()[:1]
    short = [line for line in first if len(line) < 60]
    return told.get("License-Expression") or ", ".join(classifiers) or (short[0] if short else "not told")


def audit() -> str:
    """Ask for advisories: how many libraries were looked up and what was found, or that nobody could be asked."""
    if importlib.util.find_spec("pip_audit") is None:
        return "not audited: pip-audit is not installed"
    command = [sys.executable, "-m", "pip_audit", "--strict", "--no-deps", "--disable-pip", "--format", "json"]
    done = subprocess.run(
        [*command, "-r", str(REPOSITORY / "requirements.lock")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    try:
        looked_up = [one for one in json.loads(done.stdout)["dependencies"] if "skip_reason" not in one]
    except (ValueError, KeyError):
        looked_up = []
    if not looked_up:
        return "not audited: no source of advisories could be reached from here"
    weak = {one["name"]: [vuln["id"] for vuln in one["vulns"]] for one in looked_up if one["vulns"]}
    return f"{len(looked_up)} libraries looked up, {len(weak)} with advisories {weak or ''}".rstrip()


def main() -> int:
    """Write the bill and the licences, and print what the audit says."""
    names = locked()
    rows = [f"| {name} | {version} | {licence_of(name)} |" for name, version in sorted(names.items())]
    LICENCES.write_text(
        "# Licences of the libraries\n\nAs their own metadata tells.\n\n| library | version | licence |\n|---|---|---|\n"
        + "\n".join(rows)
        + "\n",
        encoding="utf-8",
    )
    command = [
        sys.executable,
        "-m",
        "cyclonedx_py",
        "requirements",
        "requirements.lock",
        "--of",
        "JSON",
        "-o",
        str(BILL),
    ]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    listed = {one["name"] for one in json.loads(BILL.read_text(encoding="utf-8"))["components"]}
    missing = set(names) - listed
    print(f"{BILL.name}: {len(listed)} libraries; {LICENCES.name}: {len(rows)}")
    said = audit()
    print(said)
    if missing:
        print(f"missing in the bill: {sorted(missing)}")
    return int(bool(missing) or "with advisories {" in said)


if __name__ == "__main__":
    sys.exit(main())
