"""Training from scratch: a complete version, the same for the same seed, whose scorer says what the pipeline says."""

import zipfile
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from classifiers.card import CARD
from classifiers.compiled import load_weights
from classifiers.dataset import Dataset, concatenate, load_seeds, read, write_jsonl
from classifiers.errors import DatasetInvalid, LabelsOneSided, TooFewLabels, VersionMisnamed
from classifiers.evidence import to_judge
from classifiers.featurizer import CommentFeaturizer
from classifiers.filters import FILES
from classifiers.fingerprints import learned_texts
from classifiers.footing import open_base
from classifiers.lexicon import MARKS
from classifiers.manifest import ATTRIBUTES, LEARNED, learned_labels, read_manifest, verify
from classifiers.pipeline import PIPELINE
from classifiers.recipe import Recipe
from classifiers.scorer import BUNDLED, Item, Scorer
from classifiers.sources import known_sources, tidy
from classifiers.splitting import together
from classifiers.training import disguise_some, gather_rows, parts, targets, train_from_scratch
from tests.classifiers.labels import labels

RECIPE = Recipe(bits=12, seeds=False, rounds=15, min_texts=2, filters=4, filter_numbers=4, filter_epochs=2)


def write_rows(path: Path, rows: Dataset) -> Path:
    lines = []
    for place, text in enumerate(rows.text):
        values = {name: float(rows.values[place, column]) for column, name in enumerate(ATTRIBUTES)}
        known = {name: value for name, value in values.items() if not np.isnan(value)}
        about = {"lang": rows.lang[place], "source": "ours", "label_id": f"label-{place}" if place % 2 else ""}
        lines.append(msgspec.json.encode({"text": text, **about, **known}))
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    seeds = load_seeds("train")
    english = np.flatnonzero([lang == "en" for lang in seeds.lang])
    rare = english[seeds.column("severe_toxicity")[english] >= 0.5][:50]
    chosen = np.union1d(english[:: max(1, len(english) // 900)], rare)
    return write_rows(tmp_path_factory.mktemp("rows") / "rows.jsonl", seeds.take(chosen))


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory) -> Path:
    return train_from_scratch([data], RECIPE, 1, tmp_path_factory.mktemp("model") / "v", version="small")


def test_a_trained_version_is_complete_and_vouched_for(trained):
    manifest = verify(trained)
    assert manifest.kind == "scratch"
    assert set(manifest.thresholds) == set(manifest.calibration) == set(ATTRIBUTES)
    assert "MODEL_CARD.md" in manifest.files
    for figures in manifest.figures.values():
        assert 0 < figures["calibrated_on"]["rows"] <= figures["n"]
        assert figures["calibrated_on"]["positives"] <= figures["positives"]


def test_what_was_judged_beside_the_text_is_not_learned_from(tmp_path):
    lines = [b'{"text": "a link did it", "spam": 1, "about": "author"}', b'{"text": "the text did it", "spam": 1}']
    (tmp_path / "rows.jsonl").write_bytes(b"\n".join(lines))
    assert gather_rows([tmp_path / "rows.jsonl"], RECIPE).text == ["the text did it"]


def test_a_trained_version_lists_the_labels_it_learned_from(trained, data):
    assert learned_labels(trained) == {name for name in read([data]).label_id if name} != set()
    assert b"\n\n" not in (trained / LEARNED).read_bytes()


def test_a_trained_version_is_not_judged_by_what_it_learned_though_the_rows_have_no_identifiers(trained, data):
    rows = read([data])
    unnamed = replace(rows, label_id=[""] * len(rows))
    found = to_judge(unnamed, trained)
    assert found.left_out["learned by small"] > 0.8 * len(rows)
    assert learned_texts(load_seeds("heldout").text[:500], [trained]).mean() < 0.01


def test_the_same_seed_gives_the_same_version_to_the_byte_but_for_the_time_it_was_made(data, trained, tmp_path):
    again = train_from_scratch([data], RECIPE, 1, tmp_path / "again", version="small")
    made = [read_manifest(folder) for folder in (trained, again)]
    files = [{name: entry.digest for name, entry in one.files.items() if name != CARD} for one in made]
    assert {PIPELINE, "weights.npy"} <= set(files[0])
    assert files[0] == files[1]
    first, second = (msgspec.structs.replace(one, made_at="", files={}) for one in made)
    assert first == second
    cards = [
        (folder / CARD).read_text().replace(one.made_at, "") for folder, one in zip((trained, again), made, strict=True)
    ]
    assert cards[0] == cards[1]


def test_a_written_pipeline_has_neither_times_nor_places_in_memory(trained):
    with zipfile.ZipFile(trained / PIPELINE) as archive:
        assert {one.date_time for one in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        schema = msgspec.json.decode(archive.read("schema.json"))
        names = {one.removesuffix(".npy") for one in archive.namelist()} - {"schema.json"}
    assert all(int(name) < 1000 for name in names)
    assert schema["__id__"] < 1000


def test_a_trained_version_ranks_what_it_learned(trained):
    seeds = load_seeds("heldout")
    spam = [text for text, value in zip(seeds.text, seeds.column("spam"), strict=True) if value == 1][:100]
    ham = [text for text, value in zip(seeds.text, seeds.column("spam"), strict=True) if value == 0][:100]
    scorer = Scorer.open(trained)
    said = [
        np.mean([found.values["spam"] for found in scorer.score([Item(text) for text in texts])])
        for texts in (spam, ham)
    ]
    assert said[0] > said[1] + 0.1


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory) -> Path:
    recipe = msgspec.structs.replace(RECIPE, filters=0)
    return train_from_scratch([data], recipe, 1, tmp_path_factory.mktemp("plain") / "v", version="plain")


def test_a_version_is_trained_with_filters_or_without(trained, plain):
    with_them, without = read_manifest(trained), read_manifest(plain)
    assert set(with_them.files) - set(without.files) == set(FILES)
    assert with_them.features["marks"] == [*MARKS]
    assert "marks" not in without.features
    head, bare = np.load(trained / "head.npy"), np.load(plain / "head.npy")
    assert head.shape == (len(ATTRIBUTES), bare.shape[1] + 3 * RECIPE.filters)
    counted = head[:, bare.shape[1] - 1 : -1]
    assert not counted[ATTRIBUTES.index("spam")].any(), "filters say nothing of spam"
    assert counted[1:].any(axis=1).all()
    np.testing.assert_allclose(head[0, : bare.shape[1] - 1], bare[0, :-1], atol=1e-6)


def test_filters_count_for_so_much_as_the_recipe_gives_them(trained, plain):
    texts = load_seeds("train").text[:300]
    X, spread = open_base(trained).featurizer.transform(texts), []
    head = np.load(trained / "head.npy")[1:, :-1]
    said = X[:, -3 * RECIPE.filters :] @ head[:, -3 * RECIPE.filters :].T
    base = open_base(plain)
    for column, name in enumerate(ATTRIBUTES[1:]):
        slope = base.manifest.calibration[name]["slope"]
        spread.append(said[:, column].std() / (base.calibrated(base.featurizer.transform(texts), name) / slope).std())
    assert np.mean(spread) == pytest.approx(RECIPE.filter_share, rel=0.5)


@pytest.mark.parametrize("which", ["bundled", "trained", "plain"])
def test_the_scorer_says_what_the_fitted_pipeline_says(which, trained, plain):
    folder = {"bundled": BUNDLED, "trained": trained, "plain": plain}[which]
    base, scorer = open_base(folder), Scorer.open(folder)
    texts = [*load_seeds("heldout").text, "y o u f o o l", "", "𝐟𝐫𝐞𝐞 money", "f*ck", "a b c d. e"]
    X = base.featurizer.transform(texts)
    scores = [
        found for at in range(0, len(texts), 64) for found in scorer.score([Item(text) for text in texts[at : at + 64]])
    ]
    for attribute in ATTRIBUTES:
        fitted = 1 / (1 + np.exp(-base.calibrated(X, attribute)))
        assert np.abs(fitted - [found.values[attribute] for found in scores]).max() < 1e-5


def test_rows_of_one_kind_are_refused(data, tmp_path):
    seeds = load_seeds("train")
    clean = np.flatnonzero(np.nan_to_num(seeds.column("threat")) == 0)[:400]
    path = write_rows(tmp_path / "clean.jsonl", seeds.take(clean))
    with pytest.raises(LabelsOneSided, match=r"all labels of threat say no"):
        train_from_scratch([path], msgspec.structs.replace(RECIPE, max_imbalance=1000.0), 1, tmp_path / "v")


def test_rows_of_which_none_can_be_held_back_are_refused(data, tmp_path):
    rows = read([data])
    one_author = replace(rows, author=["ann"] * len(rows), at=np.arange(len(rows), dtype=np.float64))
    write_jsonl(one_author, tmp_path / "ann.jsonl")
    with pytest.raises(DatasetInvalid, match="spam is left to calibrate on"):
        train_from_scratch([tmp_path / "ann.jsonl"], RECIPE, 1, tmp_path / "v")


def test_a_name_that_no_version_may_have_is_refused_before_any_work(tmp_path):
    with pytest.raises(VersionMisnamed):
        train_from_scratch([tmp_path / "nosuch.jsonl"], RECIPE, 1, tmp_path / "v", version="Bad Name")


def test_a_handful_of_rows_is_refused(tmp_path):
    path = write_rows(tmp_path / "few.jsonl", load_seeds("train").take(np.arange(20)))
    with pytest.raises(TooFewLabels):
        train_from_scratch([path], RECIPE, 1, tmp_path / "v")


def test_nothing_frozen_is_learned_from():
    rows = load_seeds()
    train, held = parts(rows.take(np.flatnonzero([split == "train" for split in rows.split])), 3)
    assert len(train) > 5 * len(held) > 0
    assert not set(train.tolist()) & set(held.tolist())


def own_rows(count: int) -> Dataset:
    """Give rows of the hours of a day, every fifth a copy of the first."""
    rows = labels(count)
    for place in range(0, count, 5):
        rows.text[place] = rows.text[0]
    return rows


def test_of_rows_that_have_a_time_the_latest_are_held_back_and_nothing_like_an_earlier_one():
    rows = own_rows(400)
    shuffled = rows.take(np.random.default_rng(0).permutation(400))
    train, held = parts(shuffled, 1)
    assert 20 < len(held) <= 40
    assert np.nanmin(shuffled.at[held]) > np.nanmax(shuffled.at[train])
    assert rows.text[0] not in {shuffled.text[place] for place in held}
    groups = together(shuffled)
    assert not set(groups[train].tolist()) & set(groups[held].tolist())


def test_of_rows_without_a_time_a_tenth_is_held_back_and_near_duplicates_stay_together():
    rows = own_rows(2000)
    rows.at[:] = np.nan
    train, held = parts(rows, 1)
    assert len(train) + len(held) == 2000
    assert 0.05 < len(held) / 2000 < 0.2 or rows.text[0] in {rows.text[place] for place in held}
    groups = together(rows)
    assert not set(groups[train].tolist()) & set(groups[held].tolist())


def test_a_split_that_rows_come_with_is_kept():
    rows = own_rows(300)
    rows.split[:] = ["valid" if place % 7 == 0 else "train" for place in range(300)]
    train, held = parts(rows, 1)
    assert held.tolist() == [*range(0, 300, 7)]
    assert len(train) == 300 - len(held)


def test_public_sets_are_parted_by_the_seed_alone_whatever_is_brought_along():
    public = replace(load_seeds("train").take(np.arange(500)), source=["paradetox"] * 500, split=[""] * 500)
    _, held = parts(public, 8)
    assert sorted(held.tolist()) == sorted(np.random.default_rng(8).permutation(500)[:50].tolist())
    _, with_own = parts(concatenate([public, own_rows(300)]), 8)
    assert with_own[with_own < 500].tolist() == held.tolist()


def test_some_texts_are_learned_from_in_disguise():
    rows = load_seeds("train").take(np.arange(500))
    places, texts = disguise_some(rows.text, rows, np.arange(500), Recipe(disguised=0.1), 5)
    assert 100 < len(places) < 300
    assert all(text != rows.text[place] for place, text in zip(places, texts, strict=True))
    assert (places.tolist(), texts) == tuple(
        part.tolist() if isinstance(part, np.ndarray) else part
        for part in disguise_some(rows.text, rows, np.arange(500), Recipe(disguised=0.1), 5)
    )


def test_texts_lose_what_betrays_their_data_set():
    assert tidy("You do n't say .", "paradetox/neutral") == "you don't say"
    assert tidy("@ann_b hello &amp; bye", "davidson-2017") == "@user hello & bye"
    assert tidy("Leave Me Alone.", "ours") == "Leave Me Alone."


def test_every_source_has_a_licence_and_a_digest():
    for source in known_sources().values():
        assert source.licence
        assert len(source.digest) == 64


def test_the_bundle_is_small_and_vouched_for():
    manifest = verify(BUNDLED)
    assert sum(entry.size for entry in manifest.files.values()) <= 20_000_000
    assert load_weights(BUNDLED).shape == (2 ** manifest.features["shape"]["bits"], len(ATTRIBUTES) + 1)
    assert all(figures["calibration_error"] <= 0.03 for figures in manifest.figures.values())


def test_the_featurizer_of_a_version_is_rebuilt_from_its_arrays():
    assert isinstance(open_base(BUNDLED).featurizer, CommentFeaturizer)


def test_a_grade_of_the_packages_corpus_is_no_share_of_annotators():
    """What is clearly an insult, 0.7, is one to nearly everybody; of a public set 0.7 is what seven of ten said."""
    rows = concatenate([load_seeds("train").take([0, 1, 2]), labels(3)])
    values = np.full((6, len(ATTRIBUTES)), np.nan, np.float32)
    values[:, 1], values[:, 2] = [0.0, 0.3, 0.7, 0.0, 0.3, 0.7], [0.5, 1.0, 0.6, 0.5, 1.0, 0.6]
    shares, _ = targets(replace(rows, values=values), Recipe())
    np.testing.assert_allclose(shares[:, 1], [0.0, 0.15, 0.95, 0.0, 0.3, 0.7], atol=1e-6)
    np.testing.assert_allclose(shares[:3, 2], [0.65, 1.0, 0.8], atol=1e-6)
    assert np.isnan(shares[:, 3]).all(), "what nobody annotated stays so"
