"""Recipes: what a file leaves out has its default, what it gets wrong is refused with its bounds, and all of it can be read."""

import tomllib
from pathlib import Path

import msgspec
import pytest

from classifiers.adapting import AdaptRecipe
from classifiers.errors import RecipeInvalid
from classifiers.recipe import Recipe, read_as, read_recipe, told

KINDS = pytest.mark.parametrize("kind", [Recipe, AdaptRecipe])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("bits = 'many'", "`$.bits`; bits may be 8 to 22"),
        ("bits = 99", "`$.bits`; bits may be 8 to 22"),
        ("bits = 999999999999999999999999", "bits may be 8 to 22"),
        ("spam_strength = -1.0", "spam_strength may be 0.001 to 1,000"),
        ("rounds = 0", "rounds may be 1 to 1,000"),
        ("trait_scale = nan", "trait_scale may be 0.01 to 100"),
        ("max_imbalance = inf", "max_imbalance may be 1 to 1,000,000"),
        ("shortest = 5\nlongest = 4", "shortest (5) is more than longest (4)"),
        ("leaning = { threat = 2.0 }", "`$.leaning[...]`"),
        ("leaning = { thret = 0.1 }", "'thret', which is none of severe_toxicity"),
        ("unheard_of = 1", "`unheard_of`"),
        ("bits =", "at end of document"),
    ],
)
def test_a_recipe_that_is_wrong_is_refused_with_file_key_and_bounds(wrong: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text(wrong)
    with pytest.raises(RecipeInvalid, match=r"recipe\.toml") as refused:
        read_recipe(tmp_path / "recipe.toml")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@KINDS
def test_no_number_of_a_recipe_is_without_bounds(kind: type[msgspec.Struct], tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    for name, value in msgspec.to_builtins(kind()).items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            for far in (-(10**12), 10**12):
                path.write_text(f"{name} = {far}")
                with pytest.raises(RecipeInvalid, match=f"{name} may be "):
                    read_as(path, kind)


def test_a_recipe_keeps_defaults_for_what_it_leaves_out(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("bits = 14")
    assert read_recipe(tmp_path / "recipe.toml") == Recipe(bits=14)


@KINDS
def test_the_recipe_that_is_shown_names_every_entry_says_what_it_is_and_can_be_read(
    kind: type[msgspec.Struct], tmp_path: Path
) -> None:
    lines = list(told(kind))
    (tmp_path / "recipe.toml").write_text("\n".join(lines))
    assert read_as(tmp_path / "recipe.toml", kind) == kind()
    assert set(tomllib.loads("\n".join(lines))) == {field.name for field in msgspec.structs.fields(kind)}
    assert all(len(meaning) > 20 and meaning.startswith("# ") for meaning in lines[::2])
