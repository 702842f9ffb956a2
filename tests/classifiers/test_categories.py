"""Categories: lists of ordinary words, by what they do in a comment and what they are about."""

from classifiers.categories import CATEGORIES, category_words


def test_every_word_is_listed_once_in_each_category_it_belongs_to(tmp_path) -> None:
    (tmp_path / "en.toml").write_text('call = """\nclick buy\nbuy"""\nviolence = "burn"\n', "utf-8")
    (tmp_path / "fr.toml").write_text('not = "ne pas"\ncall = "achetez click"\n', "utf-8")
    found = category_words(tmp_path)
    assert (found["call"], found["violence"], found["not"]) == (("click", "buy", "achetez"), ("burn",), ("ne", "pas"))
    assert set(found) == set(CATEGORIES)


def test_the_words_of_the_package_are_in_small_letters() -> None:
    assert not [word for listed in category_words().values() for word in listed if word != word.lower()]
