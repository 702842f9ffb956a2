"""A plain Debian in a folder: there an image's steps are carried out, and its service runs as an engine would run it.

Needs root and `debootstrap`. What an engine adds (layers, a registry, the base image's own Python) is not here: the
folder has Debian's Python.
"""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SUITE = "bookworm"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

VIEW = r"""
root=$1 data=$2 user=$3; shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
chown --reference "$root/data" "$data"; chmod --reference "$root/data" "$data"
mount --bind "$data" "$root/data"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
ip link set lo up
inside=(chroot "$root" setpriv --reuid="${user%:*}" --regid="${user#*:}" --clear-groups --no-new-privs --bounding-set=-all
        env -i "${ENVIRONMENT[@]}")
"${inside[@]}" "${SERVE[@]}" &
service=$!
for _ in $(seq 120); do "${inside[@]}" "${HEALTH[@]}" 2>/dev/null && break; sleep 0.5; done
"${inside[@]}" "${HEALTH[@]}"
"${inside[@]}" sh -c "$LOOK"
kill -TERM "$service"
wait "$service"
"""
"""A read-only root, /data and /tmp to write to, no network but loopback, no capability, and the user of the image."""


@dataclass
class Image:
    """What a Dockerfile of two stages says."""

    build: str
    final: str

    @classmethod
    def read(cls, path: Path) -> "Image":
        """Read a file, with continued lines joined."""
        build, final = re.sub(r"\\\n\s*", " ", path.read_text(encoding="utf-8")).split("\nFROM ")[1:]
        return cls(build, final)

    def steps(self, stage: str) -> list[tuple[str, str]]:
        """Give the instructions of a stage, each with what follows it."""
        return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in stage.splitlines() if line.strip()]

    def last(self, instruction: str) -> str:
        """Give what follows the last such instruction of the final stage."""
        return [rest for name, rest in self.steps(self.final) if name == instruction][-1]

    def listed(self, instruction: str) -> list[str]:
        """Give a command that is written as a list."""
        return list(json.loads(re.findall(r"(\[.*\])$", self.last(instruction))[0]))

    def environment(self, stage: str) -> dict[str, str]:
        """Give the variables that a stage sets."""
        found = {"PATH": PATH}
        for name, rest in self.steps(stage):
            if name == "ENV":
                for pair in rest.split():
                    key, _, value = pair.partition("=")
                    found[key] = value.replace("$PATH", found["PATH"])
        return found


def debootstrap(folder: Path) -> None:
    """Make a plain Debian with Python and nothing else in it."""
    packages = "--include=python3,python-is-python3"
    command = ["debootstrap", "--variant=minbase", packages, SUITE, str(folder), "http://deb.debian.org/debian"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=600)


def within(root: Path, script: str, folder: str = "/", **environ: str) -> None:
    """Run a script in a root."""
    passed = {name: value for name, value in os.environ.items() if name.startswith("PIP_")} | {"PATH": PATH} | environ
    if authority := passed.get("PIP_CERT"):
        copied = root / authority.lstrip("/")
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(authority, copied)
    command = ["chroot", str(root), "bash", "-euc", f"cd {folder}; {script}"]
    subprocess.run(command, env=passed, check=True, timeout=600)


def serve(image: Image, root: Path, data: Path, look: str) -> str:
    """Run the image's command as the image's user until it is healthy, look, and end it; gives what was seen."""
    data.mkdir()
    lists = {
        "ENVIRONMENT": [f"{name}={value}" for name, value in image.environment(image.final).items()],
        "SERVE": [*image.listed("ENTRYPOINT"), *image.listed("CMD")],
        "HEALTH": image.listed("HEALTHCHECK"),
    }
    given = "".join(f"{name}=({' '.join(map(_quoted, words))})\n" for name, words in lists.items())
    script = f"{given}LOOK={_quoted(look)}\n{VIEW}"
    command = [
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--net",
        "bash",
        "-euo",
        "pipefail",
        "-c",
        script,
    ]
    ended = subprocess.run(
        [*command, "view", str(root), str(data), image.last("USER")],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
