"""Categories: lists of ordinary words, by what they do in a comment and what they are about."""

import tomllib
from collections import Counter

from classifiers.categories import CATEGORIES, category_words
from classifiers.dataset import load_seeds
from classifiers.lexicon import MARKS, Lexicon
from classifiers.lexicon_building import SEEDS, build_lexicon
from classifiers.text import cut
from classifiers.unfolding import unfold


def test_every_word_is_listed_once_in_each_category_it_belongs_to(tmp_path) -> None:
    (tmp_path / "en.toml").write_text('call = """\nclick buy\nbuy"""\nviolence = "burn"\n', "utf-8")
    (tmp_path / "fr.toml").write_text('not = "ne pas"\ncall = "achetez click"\n', "utf-8")
    found = category_words(tmp_path)
    assert (found["call"], found["violence"], found["not"]) == (("click", "buy", "achetez"), ("burn",), ("ne", "pas"))
    assert set(found) == set(CATEGORIES)


def test_the_words_of_the_package_are_in_small_letters() -> None:
    assert not [word for listed in category_words().values() for word in listed if word != word.lower()]


def test_no_word_is_frequent_where_it_means_something_else() -> None:
    """Categories count in every language: Turkish `iş` is work and pay, and is read as the English `is`."""
    lexicon, bare = build_lexicon([]), Lexicon({})
    listed: dict[tuple[str, str], set[str]] = {}
    for path in sorted((SEEDS / "categories").glob("*.toml")):
        for kind, words in tomllib.loads(path.read_text("utf-8")).items():
            for word in words.split():
                listed.setdefault((kind, " ".join(unfold(word, bare).words)), set()).add(path.stem)
    seeds = load_seeds("train")
    met: dict[str, Counter[str]] = {}
    spoken: Counter[str] = Counter()
    for text, lang in zip(seeds.text, seeds.lang, strict=True):
        for chunk in cut(text, lexicon.han):
            word = chunk.strip(".,!?").lower() if chunk.isascii() else " ".join(unfold(chunk, bare).words)
            met.setdefault(word, Counter())[lang] += 1
            spoken[lang] += 1
    strange = {}
    for (kind, word), langs in listed.items():
        if kind == "small" or MARKS.index(kind) not in lexicon.marks_of(word):
            continue
        own = sum(times / spoken[lang] for lang, times in met.get(word, {}).items() if lang in langs)
        other = {lang: times for lang, times in met.get(word, {}).items() if lang not in langs}
        if sum(other.values()) >= 70 and sum(times / spoken[lang] for lang, times in other.items()) > 2 * own:
            strange[kind, word] = other
    assert not strange
