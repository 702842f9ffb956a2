"""New labels alone make a version better on the site they come from, or leave it as it was."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from classifiers import gate, identities
from classifiers.adapting import AdaptRecipe, adapt
from classifiers.dataset import Dataset, load_seeds
from classifiers.errors import LabelsOneSided, LibraryMismatch, NothingToLearn, RecipeInvalid, TooFewLabels
from classifiers.evaluation import auc, report, score_with
from classifiers.fingerprints import learned_texts
from classifiers.footing import open_base
from classifiers.manifest import ATTRIBUTES, learned_labels, read_manifest, verify
from classifiers.recipe import read_as
from classifiers.registry import BUNDLED, Registry
from classifiers.scorer import Item, Scorer
from classifiers.vetting import export_archive, import_archive
from tests.classifiers.labels import dataset, labels, lines
from tests.classifiers.test_broken_models import features_and_a_lexicon_of_another_release, resigned

TOXICITY = ATTRIBUTES.index("toxicity")


def scores(folder: Path, rows: Dataset) -> np.ndarray:
    return score_with(Scorer.open(folder))(rows.text, rows.lang)


def ranking(folder: Path, rows: Dataset) -> float:
    rows = rows.take(~np.isnan(rows.column("toxicity")))
    found = auc(rows.column("toxicity") >= 0.5, scores(folder, rows)[:, TOXICITY])
    assert found is not None
    return found.value


def logit(probabilities: np.ndarray) -> np.ndarray:
    return np.log(probabilities / (1 - probabilities))


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return adapt(BUNDLED, labels(300), tmp_path_factory.mktemp("adapted"), version="harbour-1")


def test_the_version_knows_the_words_of_the_site(adapted: Path) -> None:
    later = labels(400, seed=1)
    assert ranking(adapted, later) > 0.97 > ranking(BUNDLED, later) + 0.03


def test_it_opens_like_any_other_and_says_where_it_comes_from(adapted: Path) -> None:
    manifest = verify(adapted)
    assert (manifest.version, manifest.kind, manifest.base) == ("harbour-1", "adapted", read_manifest(BUNDLED).version)
    figures = manifest.figures["adapted"]["toxicity"]
    assert figures["labels"] == 300
    assert figures["after"]["auc"]["value"] > figures["before"]["auc"]["value"]
    assert manifest.data[-1].source == "moderators"
    assert "Adapted from" in (adapted / "MODEL_CARD.md").read_text()


def test_the_compiled_scores_are_those_of_the_correction(adapted: Path) -> None:
    base, now, rows = open_base(BUNDLED), open_base(adapted), labels(50, seed=2)
    X = base.featurizer.transform(rows.text)
    said = scores(adapted, rows)[:, TOXICITY]
    np.testing.assert_allclose(np.log(said / (1 - said)), now.calibrated(X, "toxicity"), atol=2e-3)
    assert np.abs(now.calibrated(X, "toxicity") - base.calibrated(X, "toxicity")).max() > 0.5


def test_a_version_of_another_release_is_no_base_and_is_told_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "former"
    shutil.copytree(BUNDLED, folder)
    features_and_a_lexicon_of_another_release(folder)
    with pytest.raises(LibraryMismatch, match=r"made by another release.*--base"):
        adapt(folder, labels(300), tmp_path / "next", version="next")


def test_a_base_of_another_scikit_learn_gives_a_version_that_can_be_handed_on(tmp_path: Path) -> None:
    folder, archive = tmp_path / "former", tmp_path / "version.zip"
    shutil.copytree(BUNDLED, folder)
    resigned(folder, libraries={**read_manifest(BUNDLED).libraries, "scikit-learn": "1.5.0"})
    found = adapt(folder, labels(220), tmp_path / "next", AdaptRecipe(strengths=(0.0, 1.0)), version="next-1")
    export_archive(found, archive)
    assert import_archive(Registry(tmp_path / "registry"), archive).version == "next-1"


def test_the_explanation_names_the_new_word(adapted: Path) -> None:
    text = "what a grumblewick you are"
    (found,) = Scorer.open(adapted).score([Item(text)], explain=True)
    strongest = max((word for word in found.words if word.attribute == "toxicity"), key=lambda word: word.weight)
    assert text[strongest.begin : strongest.end] == "grumblewick"


def test_what_the_labels_do_not_speak_of_stays_bit_for_bit(adapted: Path) -> None:
    rows = labels(60, seed=3)
    before, after = scores(BUNDLED, rows), scores(adapted, rows)
    others = [at for at in range(len(ATTRIBUTES)) if at != TOXICITY]
    np.testing.assert_array_equal(before[:, others], after[:, others])


def test_it_lists_the_labels_it_learned_from_and_those_of_its_base(adapted: Path, tmp_path: Path) -> None:
    again = adapt(adapted, labels(250, seed=4), tmp_path / "again", version="harbour-2")
    assert learned_labels(adapted) == {f"l0-{number}" for number in range(300)}
    assert learned_labels(again) == learned_labels(adapted) | {f"l4-{number}" for number in range(250)}


def test_what_the_base_has_learned_is_left_out_and_counted(adapted: Path, tmp_path: Path) -> None:
    unnamed = [{**line, "label_id": ""} for line in lines(300)]
    again = adapt(adapted, dataset([*unnamed, *lines(250, seed=4)]), tmp_path / "again", version="harbour-2")
    figures = read_manifest(again).figures
    learned, alike = figures["adapted"]["toxicity"]["labels"], "nearly the same as a learned one"
    assert figures["left_out"] == {"learned by harbour-1": 300, alike: 250 - learned}
    assert 230 <= learned < 250
    assert learned_texts(labels(300).text, [again]).all()
    assert learned_texts(labels(250, seed=4).text, [again]).sum() == learned
    with pytest.raises(NothingToLearn, match=r"^0 labels, .*; labels left out: 300 learned by harbour-1$"):
        adapt(adapted, dataset(unnamed), tmp_path / "once more")


def test_labels_without_identifiers_that_it_learned_do_not_speak_for_it(adapted: Path) -> None:
    unnamed = dataset([{**line, "label_id": ""} for line in lines(300)])
    verdict = gate.judge(BUNDLED, adapted, unnamed, seeds=load_seeds("heldout").take(range(0, 1800, 30)))
    words = [check.words for check in verdict.checks]
    assert f"labels left out: 300 learned by {read_manifest(BUNDLED).version} or harbour-1" in words
    assert "0 decisions that neither version learned from, too few to judge by" in words


def test_probabilities_are_judged_against_the_shares_that_they_are_learned_from(tmp_path: Path) -> None:
    rows = labels(400)
    truth = rows.column("toxicity").copy()
    rows.column("toxicity")[:] = np.where(truth >= 0.5, 0.7, 0.2)
    found = adapt(BUNDLED, rows, tmp_path / "shares", AdaptRecipe(strengths=(0.0, 1.0, 3.0)))
    figures = read_manifest(found).figures["adapted"]["toxicity"]
    assert figures["after"]["calibration_error"] < figures["before"]["calibration_error"]
    later = labels(400, seed=1)
    later.column("toxicity")[:] = np.where(later.column("toxicity") >= 0.5, 0.7, 0.2)
    before, after = (
        report(read_manifest(folder), scores(folder, later), later)["toxicity"].overall for folder in (BUNDLED, found)
    )
    assert after.calibration_error < before.calibration_error
    assert after.brier < before.brier


def test_the_same_labels_give_the_same_weights(adapted: Path, tmp_path: Path) -> None:
    again = adapt(BUNDLED, labels(300), tmp_path / "again", version="harbour-1")
    assert (again / "weights.npy").read_bytes() == (adapted / "weights.npy").read_bytes()
    assert read_manifest(again).thresholds == read_manifest(adapted).thresholds


def test_what_the_version_knows_stays_known_and_the_gate_lets_it_pass(adapted: Path) -> None:
    verdict = gate.judge(BUNDLED, adapted, labels(80, seed=6))
    assert not [reason for reason in verdict.reasons() if "us a comment" not in reason]


def test_what_many_sentences_stand_on_moves_less_than_the_words_of_the_site(adapted: Path, tmp_path: Path) -> None:
    seeds = load_seeds("heldout").take(range(0, 1800, 6))
    loose = adapt(BUNDLED, labels(300), tmp_path / "loose", AdaptRecipe(hold=0.0))
    before, held, moved = (logit(scores(folder, seeds)[:, TOXICITY]) for folder in (BUNDLED, adapted, loose))

    def beyond_a_line(after: np.ndarray) -> float:
        """How far scores moved otherwise than all together, which level and steepness do."""
        return float(np.abs(after - np.polyval(np.polyfit(before, after, 1), before)).mean())

    assert beyond_a_line(held) < 0.5 * beyond_a_line(moved)


def test_labels_that_say_nothing_change_no_word(tmp_path: Path) -> None:
    found = adapt(BUNDLED, labels(300, noise=True), tmp_path / "noise")
    strength = read_manifest(found).figures["adapted"]["toxicity"]["strength"]
    assert not strength
    later = labels(200, seed=1)
    assert ranking(found, later) == pytest.approx(ranking(BUNDLED, later), abs=1e-3)


def test_the_sentences_that_the_gate_judges_by_are_not_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = identities._read

    def without_the_frozen_half(lang: str) -> identities._File:
        return msgspec.structs.replace(read(lang), heldout=identities._Templates([], [], []))

    monkeypatch.setattr(identities, "_read", without_the_frozen_half)
    found = adapt(BUNDLED, labels(220), tmp_path / "alone", AdaptRecipe(strengths=(1.0,)))
    assert read_manifest(found).figures["adapted"]["toxicity"]["strength"] == 1.0


def test_where_most_is_abuse_no_more_of_what_is_harmless_elsewhere_is_held(tmp_path: Path) -> None:
    loose = AdaptRecipe(strengths=(0.0,), bias_prior=0.1)
    found = adapt(BUNDLED, labels(300, share=0.9), tmp_path / "abused", loose, site="harbour-news")
    assert read_manifest(found).figures["adapted"]["toxicity"]["strength"] == 0.0
    verdict = gate.judge(BUNDLED, found)
    assert not [reason for reason in verdict.reasons() if "us a comment" not in reason]


def test_no_threshold_is_lowered(adapted: Path) -> None:
    before, after = read_manifest(BUNDLED).thresholds, read_manifest(adapted).thresholds
    assert all(after[name][at] >= before[name][at] for name in before for at in before[name])


def test_outside_feedback_of_low_weight_teaches_less(tmp_path: Path) -> None:
    recipe = AdaptRecipe(strengths=(1.0,), margin=-100.0)
    full = open_base(adapt(BUNDLED, labels(220), tmp_path / "full", recipe))
    weak = open_base(adapt(BUNDLED, labels(220, weight=0.1), tmp_path / "weak", recipe))
    X = full.featurizer.transform(["you grumblewick"])
    base = open_base(BUNDLED).calibrated(X, "toxicity")[0]
    assert base < weak.calibrated(X, "toxicity")[0] < full.calibrated(X, "toxicity")[0]


def test_one_site_can_be_learned_from_alone(tmp_path: Path) -> None:
    mixed = lines(250) + [dict(line, site="elsewhere") for line in lines(100, seed=5)]
    found = adapt(BUNDLED, dataset(mixed), tmp_path / "site", site="harbour-news")
    manifest = read_manifest(found)
    assert manifest.site == "harbour-news"
    assert manifest.figures["adapted"]["toxicity"]["labels"] == 250
    with pytest.raises(TooFewLabels):
        adapt(BUNDLED, dataset(mixed), tmp_path / "other", site="elsewhere")


@pytest.mark.parametrize(
    ("rows", "refusal", "says"),
    [
        (lines(150), TooFewLabels, r"\d+ labels of toxicity, at least 200"),
        (lines(300, share=1.0), LabelsOneSided, "say yes"),
        (lines(300, share=0.0), LabelsOneSided, "say no"),
        (lines(900, share=0.01), LabelsOneSided, "more than 20 to 1"),
        ([dict(lines(1)[0], text="the very same words " * 4) for _ in range(500)], TooFewLabels, "1 labels of"),
        ([{**line, "toxicity": None, "reason": "off_topic"} for line in lines(300)], TooFewLabels, "0 labels"),
        (lines(300, weight=0.0), TooFewLabels, "0 labels"),
        (
            [*lines(60, attribute="spam"), *lines(300, share=1.0)],
            NothingToLearn,
            "labels of spam, .*; all labels of toxicity",
        ),
        (lines(300, about="author"), NothingToLearn, "^0 labels, .*; labels left out: 300 about the author"),
    ],
)
def test_labels_that_prove_nothing_are_refused(
    rows: list[dict[str, object]], refusal: type[Exception], says: str, tmp_path: Path
) -> None:
    with pytest.raises(refusal, match=says):
        adapt(BUNDLED, dataset(rows), tmp_path / "refused")
    assert not (tmp_path / "refused").exists()


def test_a_harmless_text_stays_harmless_where_its_authors_link_was_judged(tmp_path: Path) -> None:
    castle = "I really enjoyed reading this article about the castle"
    praise = [f"{castle}, {line['text']}" for line in lines(75, seed=5, share=0.0)]
    sold = [
        {**line, "text": text, "about": "author"}
        for line, text in zip(lines(75, seed=6, share=1.0, attribute="spam"), praise, strict=True)
    ]
    found = adapt(BUNDLED, dataset([*lines(225, attribute="spam", share=0.2), *sold, *lines(30)]), tmp_path / "castle")
    before, after = (
        Scorer.open(folder).score([Item(castle, lang="en")])[0].values["spam"] for folder in (BUNDLED, found)
    )
    assert after < before + 0.05 < 0.1
    figures = read_manifest(found).figures
    assert figures["adapted"]["spam"]["labels"] == 225
    assert figures["left_out"] == {"about the author's name or link": 75}
    assert "30 labels of toxicity, at least 200" in figures["not_learned"]["toxicity"]
    assert "not learned: 30 labels of toxicity" in (found / "MODEL_CARD.md").read_text()


def test_fewer_labels_are_taken_when_asked_for(tmp_path: Path) -> None:
    found = adapt(BUNDLED, labels(60), tmp_path / "few", AdaptRecipe(min_labels=50))
    later = labels(300, seed=1)
    assert ranking(found, later) >= ranking(BUNDLED, later) - 0.01


@pytest.mark.parametrize(
    "content",
    [
        "strengths = 'x'", "nosuch = 1", "strengths = []", "blocks = 1", "= 3", "strengths = [-1.0]", "bias_prior = -5.0",
        "slope_prior = nan", "max_imbalance = 0.5", "min_labels = 1", "seed = -1", "hold = inf", "anchors = 10_000_000",
    ],
)  # fmt: skip
def test_a_wrong_recipe_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text(content)
    with pytest.raises(RecipeInvalid, match=r"recipe\.toml"):
        read_as(path, AdaptRecipe)


def test_a_recipe_is_read_and_kept_in_the_manifest(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_text("strengths = [0.0, 1.0]\nmin_labels = 40\n")
    recipe = read_as(path, AdaptRecipe)
    found = adapt(BUNDLED, labels(60), tmp_path / "kept", recipe)
    assert read_manifest(found).recipe == msgspec.json.decode(msgspec.json.encode(recipe))
