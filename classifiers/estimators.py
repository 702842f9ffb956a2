"""Logistic classifiers that learn from shares of annotators and from attributes that only some rows have.

scikit-learn to the letter: parameters are stored untouched, what is learned ends in an underscore, and they work in a
`Pipeline` after `CommentFeaturizer`, in `clone` and in `GridSearchCV`.
"""

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

Floats = NDArray[np.float64]
_FLOATS = [np.float64, np.float32]
FEWEST_IN_GROUP = 50
"""A group with fewer rows of either class has no voice of its own."""


class Fitted(NamedTuple):
    """What the solver found."""

    coef: Floats
    bias: float
    rounds: int


def fit_shares(X: Any, shares: Floats, weights: Floats, C: float, max_iter: int, tol: float) -> Fitted:
    """Fit a logistic regression to shares: a row of share p counts as p of a yes and 1 - p of a no.

    The loss is scikit-learn's own (C times the weighted log loss, plus half the squared norm, the bias left free); it is
    written out here because `LogisticRegression` takes no shares.
    """
    whole = X.shape[1]
    X, used = _only_used(X)
    columns, kind, scale = X.shape[1], X.dtype, float(C * weights.sum())
    backwards = X.T

    def loss(found: Floats, *_: Any) -> tuple[float, Floats]:
        coef, bias = found[:columns], found[columns]
        logits = np.asarray(X @ coef.astype(kind), np.float64) + bias
        value = weights @ (np.logaddexp(0, logits) - shares * logits) * C + 0.5 * (coef @ coef)
        errors = C * weights * (sigmoid(logits) - shares)
        slope = np.append(np.asarray(backwards @ errors.astype(kind), np.float64) + coef, errors.sum())
        return value / scale, slope / scale

    start: Floats = np.zeros(columns + 1)
    best = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": max_iter, "gtol": tol, "ftol": 1e-9})
    coef: Floats = np.zeros(whole)
    coef[used] = best.x[:columns]
    return Fitted(coef, float(best.x[columns]), max(int(best.nit), 1))


def _only_used(X: Any) -> tuple[Any, Any]:
    """Leave out columns in which no row has anything: their weight is 0, and the solver need not carry them."""
    if not sparse.issparse(X):
        return X, slice(None)
    used = np.flatnonzero(np.bincount(X.indices, minlength=X.shape[1]))
    if len(used) > X.shape[1] // 2:
        return X, slice(None)
    place = np.zeros(X.shape[1], X.indices.dtype)
    place[used] = np.arange(len(used), dtype=place.dtype)
    return sparse.csr_matrix((X.data, place[X.indices], X.indptr), shape=(X.shape[0], len(used))), used


def sigmoid(logits: Any) -> Any:
    """Turn logits into probabilities without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * logits))


class SpamClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Tell two classes apart, from labels or from shares between 0 and 1.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the L2 regularisation.
    max_iter : int, default=200
        Most iterations of the solver.
    tol : float, default=1e-5
        The solver stops when the largest slope of the mean loss is below.

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The labels; 0 and 1 when fitted to shares.
    coef_ : ndarray of shape (1, n_features)
        Weights of the features.
    intercept_ : ndarray of shape (1,)
        The bias.
    n_iter_ : int
        Rounds the solver took.

    Examples
    --------
    >>> from sklearn.pipeline import make_pipeline
    >>> from classifiers.estimators import SpamClassifier
    >>> from classifiers.featurizer import CommentFeaturizer
    >>> texts = ["cheap pills here www.pills.example", "a thoughtful reply"] * 4
    >>> pipeline = make_pipeline(CommentFeaturizer(bits=12), SpamClassifier(C=10)).fit(texts, [1, 0] * 4)
    >>> pipeline.predict(["more cheap pills, www.pills.example"]).tolist()
    [1]
    """

    def __init__(self, C: float = 1.0, max_iter: int = 200, tol: float = 1e-5) -> None:
        self.C = C
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from rows `X` and their labels or shares `y`."""
        X = validate_data(self, X, accept_sparse="csr", dtype=_FLOATS)
        shares = self._shares(y, X.shape[0])
        weights = _weights(sample_weight, X.shape[0])
        found = fit_shares(X, shares, weights, self.C, self.max_iter, self.tol)
        self.coef_, self.intercept_, self.n_iter_ = found.coef[None, :], np.array([found.bias]), found.rounds
        return self

    def decision_function(self, X: Any) -> Floats:
        """Give the logit of the second class."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=_FLOATS, reset=False)
        return np.asarray(X @ self.coef_[0] + self.intercept_[0], np.float64)

    def predict_proba(self, X: Any) -> Floats:
        """Give the probabilities of both classes."""
        second: Floats = sigmoid(self.decision_function(X))
        both: Floats = np.stack([1 - second, second], axis=1)
        return both

    def predict(self, X: Any) -> NDArray[Any]:
        """Give the likelier class."""
        second = self.decision_function(X) > 0
        return np.asarray(self.classes_[second.astype(int)])

    def _shares(self, y: Any, rows: int) -> Floats:
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        y = column_or_1d(y, warn=True)
        if len(y) != rows:
            raise ValueError(f"y has {len(y)} entries, X has {rows} rows")
        if y.dtype.kind == "f":
            if not np.isfinite(y).all():
                raise ValueError("Input y contains NaN or infinity.")
            if 0 <= y.min() < y.max() <= 1:
                self.classes_ = np.array([0, 1])
                return y.astype(np.float64)
            if (y != np.round(y)).any():
                raise ValueError("Unknown label type: continuous; shares lie between 0 and 1")
        self.classes_ = np.unique(y)
        if len(self.classes_) != 2:
            raise ValueError(
                f"Only binary classification is supported: y has {len(self.classes_)} classes, 2 are needed"
            )
        return (y == self.classes_[1]).astype(np.float64)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        return tags


class ToxicityClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Score several attributes at once, each learned from the rows that were annotated for it.

    Corpora disagree on what they call toxic, and what one of them says loudest need not hold elsewhere. Given `groups`,
    the weights are therefore those learned from all rows and those that each corpus teaches alone, averaged. What is
    rarely annotated may lean on the first attribute, which is learned from more rows.

    Parameters
    ----------
    C : float or sequence of float, default=1.0
        Inverse strength of the L2 regularisation, for all attributes or for each.
    max_iter : int, default=200
        Most iterations of the solver.
    tol : float, default=1e-5
        The solver stops when the largest slope of the mean loss is below.
    voices : float, default=0.5
        What the average of the groups counts for beside all rows together, where `groups` are given.
    lean : float or sequence of float, default=0.0
        What share of the first attribute's weights is added to those of each following one.

    Attributes
    ----------
    coef_ : ndarray of shape (n_attributes, n_features)
        Weights of the features.
    intercept_ : ndarray of shape (n_attributes,)
        The biases.
    n_iter_ : int
        Most rounds the solver took for an attribute.
    classes_ : list of ndarray
        0 and 1 for each attribute, as scikit-learn's multi-label classifiers have it.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.pipeline import make_pipeline
    >>> from classifiers.estimators import ToxicityClassifier
    >>> from classifiers.featurizer import CommentFeaturizer
    >>> texts = ["you are an idiot", "you are kind", "go away, idiot", "be kind"] * 2
    >>> shares = np.array([[1.0, np.nan], [0.0, 0.0], [0.8, 1.0], [0.0, 0.0]] * 2)
    >>> pipeline = make_pipeline(CommentFeaturizer(bits=12), ToxicityClassifier(C=10)).fit(texts, shares)
    >>> pipeline.predict(["go away, you idiot"]).tolist()
    [[1, 1]]
    """

    def __init__(
        self, C: Any = 1.0, max_iter: int = 200, tol: float = 1e-5, voices: float = 0.5, lean: Any = 0.0
    ) -> None:
        self.C = C
        self.max_iter = max_iter
        self.tol = tol
        self.voices = voices
        self.lean = lean

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> Self:
        """Learn from rows `X` and shares `y` of shape (rows, attributes), NaN where a row was not annotated.

        `groups` names the corpus of each row; a row named "" is in none.
        """
        X = validate_data(self, X, accept_sparse="csr", dtype=_FLOATS)
        shares = check_array(np.asarray(y, np.float64), ensure_all_finite="allow-nan", ensure_2d=False)
        shares = shares[:, None] if shares.ndim == 1 else shares
        if len(shares) != X.shape[0]:
            raise ValueError(f"y has {len(shares)} rows, X has {X.shape[0]}")
        weights = _weights(sample_weight, X.shape[0])
        strengths = np.broadcast_to(np.asarray(self.C, np.float64), (shares.shape[1],))
        leans = np.broadcast_to(np.asarray(self.lean, np.float64), (shares.shape[1],))
        named = np.full(len(shares), "") if groups is None else np.asarray(groups).astype(str)
        if named.shape != (len(shares),):
            raise ValueError(f"groups must be {len(shares)} names")
        found: list[Fitted] = []
        for column, strength in zip(shares.T, strengths, strict=True):
            there = np.flatnonzero(~np.isnan(column))
            if not len(there) or (column[there].max() == column[there].min() and column[there[0]] in (0, 1)):
                raise ValueError("every attribute needs annotated rows of both classes")
            fitted = fit_shares(X[there], column[there], weights[there], strength, self.max_iter, self.tol)
            fitted = self._average(fitted, X[there], column[there], weights[there], named[there], strength)
            lean = leans[len(found)] if found else 0.0
            if lean:
                fitted = Fitted(fitted.coef + lean * found[0].coef, fitted.bias + lean * found[0].bias, fitted.rounds)
            found.append(fitted)
        self.coef_ = np.stack([one.coef for one in found])
        self.intercept_ = np.array([one.bias for one in found])
        self.n_iter_ = max(one.rounds for one in found)
        self.classes_ = [np.array([0, 1])] * shares.shape[1]
        return self

    def _average(self, whole: Fitted, X: Any, shares: Floats, weights: Floats, groups: Any, C: float) -> Fitted:
        """Average what all rows teach with what each group teaches alone, each measured by how far its logits spread."""
        coefs = []
        for name in sorted(set(groups.tolist()) - {""}) if self.voices else ():
            here = np.flatnonzero(groups == name)
            positives = int((shares[here] >= 0.5).sum())
            if min(positives, len(here) - positives) >= FEWEST_IN_GROUP:
                alone = fit_shares(X[here], shares[here], weights[here], C, self.max_iter, self.tol).coef
                coefs.append(alone / max(float((X @ alone).std()), 1e-9))
        if not coefs:
            return whole
        mean = np.mean(coefs, axis=0)
        logits, voiced = (np.asarray(X @ coef, np.float64) for coef in (whole.coef, mean))
        scale = self.voices * float(logits.std()) / max(float(voiced.std()), 1e-9)
        coef = (whole.coef + scale * mean) / (1 + self.voices)
        bias = whole.bias + float(logits.mean() - (logits.mean() + scale * voiced.mean()) / (1 + self.voices))
        return Fitted(coef, bias, whole.rounds)

    def decision_function(self, X: Any) -> Floats:
        """Give the logits, of shape (rows, attributes)."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=_FLOATS, reset=False)
        return np.asarray(X @ self.coef_.T + self.intercept_, np.float64)

    def predict_proba(self, X: Any) -> Floats:
        """Give the probability of each attribute, of shape (rows, attributes)."""
        return np.asarray(sigmoid(self.decision_function(X)), np.float64)

    def predict(self, X: Any) -> NDArray[np.int64]:
        """Say for each attribute whether it is likelier than not."""
        return (self.decision_function(X) > 0).astype(np.int64)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.two_d_labels = True
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_label = True
        tags.input_tags.sparse = True
        return tags


def _weights(given: Any, rows: int) -> Floats:
    weights = np.ones(rows) if given is None else np.asarray(given, np.float64)
    if weights.shape != (rows,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"sample_weight must be {rows} numbers, none negative")
    if not weights.any():
        raise ValueError("every sample_weight is zero")
    return weights
