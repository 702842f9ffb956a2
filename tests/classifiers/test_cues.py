"""Cues: short lists of words, each with the kinds it belongs to."""

from classifiers.cues import CUES, cue_words


def test_every_word_knows_each_kind_it_belongs_to_once() -> None:
    kinds = cue_words()
    assert (kinds["burn"], kinds["buy"], kinds["ne"]) == (("violence",), ("call",), ("not",))
    assert {kind for found in kinds.values() for kind in found} == set(CUES)
    assert all(len(found) == len(set(found)) for found in kinds.values())
    assert {word for listed in CUES.values() for word in listed.split()} == set(kinds)
    assert not [word for word in kinds if word != word.lower()]
