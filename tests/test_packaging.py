"""The package: a wheel built from the repository, installed elsewhere, is complete."""

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import httpx
import pytest

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("moderation", "classifiers")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel from a copy, so that nothing built is left in the repository."""
    copy = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(REPOSITORY / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, copy)
    built = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built), str(copy)],
        check=True,
        capture_output=True,
        text=True,
    )
    [wheel] = built.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel into an empty environment elsewhere; the libraries it needs are those of this environment."""
    place = tmp_path_factory.mktemp("elsewhere")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place / "env")], check=True)
    python = place / "env" / "bin" / "python"
    site = Path(
        subprocess.run(
            [str(python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    )
    # A plain path: whatever `.pth` files lie there, such as that of an editable install, are not read.
    (site / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)],
        check=True,
        env=environ(),  # what lies on a PYTHONPATH would count as installed
    )
    return python


def environ():
    """Give the environment of somebody who has never seen the repository."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MODERATION_"))}


def elsewhere(python, *arguments, **options):
    """Run a program of the new environment, away from the repository."""
    command = [str(python), *arguments]
    return subprocess.run(
        command, cwd=python.parents[2], env=environ(), capture_output=True, text=True, timeout=60, check=True, **options
    )


def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        file.relative_to(REPOSITORY).as_posix()
        for name in PACKAGES
        for file in (REPOSITORY / name).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert wanted - inside == set()


def test_nothing_but_the_packages_is_in_the_wheel(wheel):
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in tops if not name.endswith(".dist-info")} == set(PACKAGES)


def test_the_licence_is_in_the_wheel(wheel):
    assert any(name.endswith("licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_what_runs_is_the_installed_copy(installed):
    told = elsewhere(
        installed, "-c", "import moderation, classifiers; print(moderation.__file__, classifiers.__file__)"
    )
    for file in told.stdout.split():
        assert Path(file).is_relative_to(installed.parents[1])


def test_the_installed_copy_starts_its_own_server(installed, tmp_path):
    program = """
import sys
from pathlib import Path
from moderation.settings import StoreSettings
from moderation.store.embedded import ask, running_for_service
from moderation.store.folder import DataFolder

folder = DataFolder(Path(sys.argv[1]))
with running_for_service(folder, StoreSettings(max_memory_mb=64)):
    print(ask(folder.socket(), b"PING"))
"""
    assert "+PONG" in elsewhere(installed, "-c", program, str(tmp_path / "data")).stdout


def test_the_installed_copy_serves_the_demo(installed, tmp_path, wait_until):
    data = tmp_path / "data"
    command = [str(installed.parent / "moderation"), "serve", "--port", "0", "--data", str(data)]
    with open(tmp_path / "log", "wb") as log:
        service = subprocess.Popen(command, cwd=tmp_path, env=environ(), stdout=log, stderr=log)
    try:
        wait_until((data / "first-run.json").exists, seconds=60)
        first = json.loads((data / "first-run.json").read_text())
        wait_until(lambda: _answers(first["url"]), seconds=30)
        page = httpx.get(f"{first['url']}/demo", follow_redirects=True)
        assert page.status_code == 200
        form = f"{first['url']}/v1/forms/{first['form_key']}/comments"
        blank = httpx.post(form, json={}, headers={"Origin": first["url"]})
        assert blank.status_code == 422
        assert "Please enter your comment!" in blank.text
        comment = {"name": "Ann", "email": "ann@example.org", "text": "Thank you, this helped me a lot."}
        bearer = {"Authorization": f"Bearer {first['site_key']}"}
        answer = httpx.post(f"{first['url']}/v1/comments", json=comment, headers=bearer)
        assert answer.status_code == 201
        assert answer.json()["degraded"] is False, "the bundled models are not in the wheel"
    finally:
        service.send_signal(signal.SIGTERM)
        status = service.wait(30)
    assert status == 0, (tmp_path / "log").read_text()


def _answers(url):
    try:
        return httpx.get(f"{url}/health/live").status_code == 200
    except httpx.TransportError:
        return False
