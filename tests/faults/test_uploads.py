"""Every broken model is brought to a running service: each is refused with a reason, and the old one goes on serving."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import httpx
import psutil
import pytest

from classifiers.registry import BUNDLED
from tests.classifiers.test_broken_models import DAMAGES, a_symbolic_link, named
from tests.figures import tell
from tests.service import Service, serving

MOST_GROWN = 300_000_000
FEW = ("a_flipped_bit", "an_array_of_objects", "weights_that_are_no_numbers", "a_pipeline_of_an_untrusted_type")


def archive_of(folder: Path, name: str) -> bytes:
    """Pack a version that was damaged in this way."""
    version = named(Path(shutil.copytree(BUNDLED, folder / name)), name.replace("_", "-")[:40])
    next(damage for what, damage, _ in DAMAGES if what == name)(version)
    with zipfile.ZipFile(folder / f"{name}.zip", "w") as packed:
        for path in sorted(version.iterdir()):
            packed.write(path, path.name)
    shutil.rmtree(version)
    return (folder / f"{name}.zip").read_bytes()


def bring(service: Service, folder: Path, names: Sequence[str]) -> list[str]:
    """Upload models that are damaged in these ways; gives what was not refused, or disturbed the service."""
    process, wrong = psutil.Process(service.process.pid), []
    before, serves = process.memory_info().rss, model_of(service)
    grown = 0
    for name in names:
        said = service.staff.post(
            "/v1/models", content=archive_of(folder, name), headers={"Content-Type": "application/zip"}, timeout=90
        )
        if said.status_code != 409 or said.json().get("code") != "model_refused" or not said.json()["detail"]:
            wrong.append(f"{name}: {said.status_code} {said.text[:200]}")
        if (now := model_of(service)) != serves:
            wrong.append(f"{name}: {now} serves")
        grown = max(grown, process.memory_info().rss - before)
    if grown > MOST_GROWN:
        wrong.append(f"{grown / 1e6:.0f} MB more memory")
    tell(
        "B2 broken models", len(names), "each refused, the old one serves, +300 MB at most",
        f"{len(wrong)} others, {grown / 1e6:+.0f} MB",
    )  # fmt: skip
    return wrong


def model_of(service: Service) -> list[str]:
    said: httpx.Response = service.site.post("/v1/score", json={"text": "Good morning"})
    assert said.status_code == 200, said.text
    return list(said.json()["model"])


def test_a_few_broken_models_are_refused_and_the_old_one_serves(tmp_path):
    with serving(tmp_path / "data") as service:
        wrong = bring(service, tmp_path, FEW)
    assert not wrong, "\n".join(wrong)


def test_a_service_that_believes_what_a_model_says_of_itself_is_found_out(tmp_path):
    """The mutation: no version is vetted."""
    with serving(tmp_path / "data", module="tests.faults.mutants.believing_vet") as service:
        assert bring(service, tmp_path, FEW)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_every_broken_model_is_refused_and_the_old_one_serves(tmp_path):
    # of a symbolic link an archive would hold the file itself
    names = [name for name, damage, _ in DAMAGES if damage is not a_symbolic_link]
    assert len(names) >= 25
    with serving(tmp_path / "data") as service:
        wrong = bring(service, tmp_path, names)
    assert not wrong, "\n".join(wrong)
