"""The scikit-learn form of a version gives the scores that are served, is small, and is built from known types alone."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from classifiers.dataset import load_seeds
from classifiers.evaluation import score_with
from classifiers.manifest import ATTRIBUTES, read_manifest
from classifiers.pipeline import PIPELINE, CompiledClassifier, add_pipeline
from classifiers.registry import BUNDLED
from classifiers.scorer import Scorer
from classifiers.vetting import load_pipeline
from tests.classifiers.filtered import give_filters

TEXTS = load_seeds("heldout").take(range(0, 1800, 15))


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the bundled version with a pipeline of its own arrays."""
    folder = tmp_path_factory.mktemp("pipeline") / "version"
    shutil.copytree(BUNDLED, folder)
    if not (folder / PIPELINE).exists():
        add_pipeline(folder)
    return folder


@pytest.fixture(scope="module")
def filtered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the bundled version with filters of which all count for all attributes, and a pipeline of them."""
    folder = tmp_path_factory.mktemp("filtered") / "version"
    shutil.copytree(BUNDLED, folder)
    give_filters(folder)
    add_pipeline(folder)
    return folder


@pytest.mark.parametrize("which", ["version", "filtered"])
def test_it_scores_as_the_service_does(which: str, request: pytest.FixtureRequest) -> None:
    version = request.getfixturevalue(which)
    said = load_pipeline(version).predict_proba(TEXTS.text)
    served = score_with(Scorer.open(version))(TEXTS.text, TEXTS.lang)
    assert said.shape == (len(TEXTS), len(ATTRIBUTES))
    np.testing.assert_allclose(said, served, atol=1e-5)


def test_the_version_with_it_is_no_larger_than_what_may_be_shipped(version: Path) -> None:
    assert sum(path.stat().st_size for path in version.iterdir()) < 20 * 2**20
    with zipfile.ZipFile(version / PIPELINE) as packed:
        assert sum(entry.file_size for entry in packed.infolist()) < 32 * 2**20


def test_its_parts_are_estimators(version: Path) -> None:
    pipeline = load_pipeline(version)
    assert [name for name, _ in pipeline.steps] == ["features", "classifier"]
    assert pipeline["classifier"].attributes_ == list(read_manifest(version).attributes)
    assert set(np.unique(pipeline.predict(TEXTS.text[:40]))) <= {0, 1}
    bare = clone(pipeline)
    with pytest.raises(NotFittedError):
        bare.predict_proba(TEXTS.text[:1])
    with pytest.raises(NotImplementedError, match="classifiers train"):
        CompiledClassifier().fit([["x"]], [1])
