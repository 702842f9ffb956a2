"""The estimators keep scikit-learn's contract, learn from shares, and agree with scikit-learn's own logistic regression."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from classifiers.estimators import SpamClassifier, ToxicityClassifier
from classifiers.featurizer import CommentFeaturizer

TEXTS = [
    "win cash now",
    "nice weather here",
    "cheap pills www.pills.example",
    "I liked the second part",
    "cash prize",
    "so true",
] * 6
LABELS = [1, 0, 1, 0, 1, 0] * 6


@pytest.mark.filterwarnings("ignore")
def test_the_spam_classifier_passes_the_checks_of_scikit_learn():
    check_estimator(SpamClassifier())


@pytest.mark.parametrize(
    "estimator", [SpamClassifier(C=3.0), ToxicityClassifier(C=[1.0, 2.0]), CommentFeaturizer(bits=10)]
)
def test_a_clone_has_the_same_parameters_and_nothing_learned(estimator):
    twin = clone(estimator)
    assert twin.get_params() == estimator.get_params()
    assert not [name for name in vars(twin) if name.endswith("_")]


def test_parameters_are_set_by_name():
    pipeline = make_pipeline(CommentFeaturizer(), SpamClassifier()).set_params(
        commentfeaturizer__bits=9, spamclassifier__C=7
    )
    assert (pipeline[0].bits, pipeline[1].C) == (9, 7)


def test_a_grid_search_tunes_features_and_strength():
    grid = GridSearchCV(
        make_pipeline(CommentFeaturizer(), SpamClassifier()),
        {"commentfeaturizer__bits": [9, 11], "spamclassifier__C": [0.1, 5.0]},
        scoring="roc_auc",
        cv=3,
    ).fit(TEXTS, LABELS)
    assert grid.best_score_ > 0.9
    assert set(grid.best_params_) == {"commentfeaturizer__bits", "spamclassifier__C"}


def test_cross_validation_takes_texts():
    assert cross_val_score(make_pipeline(CommentFeaturizer(bits=10), SpamClassifier()), TEXTS, LABELS, cv=3).min() > 0.9


def test_labels_may_be_words():
    pipeline = make_pipeline(CommentFeaturizer(bits=10), SpamClassifier()).fit(TEXTS, np.where(LABELS, "spam", "ham"))
    assert pipeline.predict(["win a cash prize"]).tolist() == ["spam"]


def test_fitting_agrees_with_logistic_regression():
    chance = np.random.default_rng(0)
    X, y = chance.normal(size=(300, 5)), chance.integers(0, 2, 300)
    ours, theirs = SpamClassifier(C=0.5, tol=1e-9).fit(X, y), LogisticRegression(C=0.5, tol=1e-9).fit(X, y)
    assert ours.coef_ == pytest.approx(theirs.coef_, abs=1e-4)
    assert ours.intercept_ == pytest.approx(theirs.intercept_, abs=1e-4)


def test_a_share_counts_as_so_many_yes_and_so_many_no():
    X = sparse.csr_matrix(np.random.default_rng(0).normal(size=(60, 4)))
    shares = np.random.default_rng(1).uniform(size=60)
    soft = SpamClassifier(tol=1e-9).fit(X, shares)
    both = sparse.vstack([X, X]).tocsr()
    hard = SpamClassifier(tol=1e-9).fit(both, np.repeat([1, 0], 60), sample_weight=np.concatenate([shares, 1 - shares]))
    assert soft.coef_ == pytest.approx(hard.coef_, abs=1e-4)


def test_each_attribute_learns_from_the_rows_that_have_it():
    X = np.random.default_rng(0).normal(size=(80, 3))
    first, second = (X[:, 0] > 0).astype(float), (X[:, 1] > 0).astype(float)
    second[40:] = np.nan
    together = ToxicityClassifier(tol=1e-9).fit(X, np.stack([first, second], axis=1))
    alone = SpamClassifier(tol=1e-9).fit(X[:40], second[:40])
    assert together.coef_[1] == pytest.approx(alone.coef_[0], abs=1e-4)
    assert together.predict_proba(X).shape == (80, 2)


@pytest.mark.parametrize("y", [[[0.0, 1.0], [0.0, 0.0]], [[np.nan, 1.0], [np.nan, 0.0]]])
def test_an_attribute_of_one_class_is_refused(y):
    with pytest.raises(ValueError, match="both classes"):
        ToxicityClassifier().fit(np.eye(2), y)


def test_fitting_twice_gives_the_same_weights():
    X = CommentFeaturizer(bits=10).fit_transform(TEXTS)
    assert (SpamClassifier().fit(X, LABELS).coef_ == SpamClassifier().fit(X, LABELS).coef_).all()


def test_fitting_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_pipeline(CommentFeaturizer(bits=10), SpamClassifier()).fit(TEXTS, LABELS).predict(TEXTS)


def three_corpora() -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """Make rows of three corpora: column 0 tells toxic in each, column 1 only in the largest."""
    dice = np.random.default_rng(3)
    groups = np.repeat(["large", "second", "third"], [900, 150, 150])
    y = dice.integers(0, 2, len(groups)).astype(float)
    everywhere = ((dice.random(len(y)) < 0.75) == (y > 0)).astype(float)
    peculiar = np.where(groups == "large", y, dice.integers(0, 2, len(y)))
    return sparse.csr_matrix(np.stack([everywhere, peculiar], axis=1)), y[:, None], groups


def test_what_only_one_corpus_teaches_counts_for_less_when_each_has_a_voice():
    X, y, groups = three_corpora()
    whole = ToxicityClassifier(C=1.0, voices=0.5).fit(X, y)
    voiced = ToxicityClassifier(C=1.0, voices=0.5).fit(X, y, groups=groups)
    share = [np.abs(model.coef_[0, 1]) / np.abs(model.coef_[0]).sum() for model in (whole, voiced)]
    assert share[1] < share[0] - 0.05


def test_without_groups_or_without_voices_nothing_is_averaged():
    X, y, groups = three_corpora()
    plain = ToxicityClassifier().fit(X, y)
    silent = ToxicityClassifier(voices=0.0).fit(X, y, groups=groups)
    none = ToxicityClassifier().fit(X, y, groups=np.full(len(groups), ""))
    for other in (silent, none):
        assert np.array_equal(plain.coef_, other.coef_)


def test_a_group_of_few_rows_has_no_voice():
    X, y, groups = three_corpora()
    few = np.where(np.arange(len(groups)) < 60, "few", "")
    assert np.array_equal(ToxicityClassifier().fit(X, y).coef_, ToxicityClassifier().fit(X, y, groups=few).coef_)


def test_an_attribute_leans_on_the_first_one_by_the_share_asked_for():
    X, y, _ = three_corpora()
    both = np.concatenate([y, 1 - y], axis=1)
    upright = ToxicityClassifier().fit(X, both)
    leaning = ToxicityClassifier(lean=[0.0, 0.25]).fit(X, both)
    assert np.allclose(leaning.coef_[0], upright.coef_[0])
    assert np.allclose(leaning.coef_[1], upright.coef_[1] + 0.25 * upright.coef_[0])


def test_names_of_groups_that_do_not_fit_the_rows_are_refused():
    X, y, groups = three_corpora()
    with pytest.raises(ValueError, match="groups must be 1200 names"):
        ToxicityClassifier().fit(X, y, groups=groups[:5])
