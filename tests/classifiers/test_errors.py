"""Errors of models and data: each has a code of its own and one line for people that names the fact."""

import pytest

from classifiers import errors
from classifiers.errors import ClassifierError


def test_every_leaf_has_a_code_of_its_own_and_says_what_it_is() -> None:
    leaves = ClassifierError.__subclasses__()
    codes = [leaf.code for leaf in leaves]
    assert len(codes) == len(set(codes)) == len(leaves)
    assert ClassifierError.code not in codes
    assert all(leaf.__doc__ for leaf in leaves)


@pytest.mark.parametrize(
    ("error", "facts"),
    [
        (errors.UnknownVersion("v9"), {"version": "v9"}),
        (errors.VersionExists("v9"), {"version": "v9"}),
        (errors.VersionMisnamed("Bad Name"), {"version": "Bad Name"}),
        (errors.AlreadyActive("v9"), {"version": "v9"}),
        (errors.DigestMismatch("head.npy"), {"file": "head.npy"}),
        (errors.LibraryMissing("matplotlib", "drawing"), {"library": "matplotlib"}),
        (errors.TooFewLabels(3, 50), {"found": 3, "needed": 50}),
        (
            errors.GateRefused("v9", ("worse on spam", "worse for readers")),
            {"reasons": ("worse on spam", "worse for readers")},
        ),
        (errors.VersionInUse("v9", "active"), {"version": "v9", "state": None}),
        (errors.NothingToRollBack(), {}),
    ],
)
def test_the_line_names_the_facts_and_programs_find_them(error: ClassifierError, facts: dict) -> None:
    line = str(error)
    assert line
    assert "\n" not in line
    for name, value in facts.items():
        if value is not None:
            assert getattr(error, name) == value
            assert all(str(one) in line for one in (value if isinstance(value, tuple) else (value,)))
