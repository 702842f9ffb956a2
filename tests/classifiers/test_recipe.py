"""Recipes: what a file leaves out has its default, and what it gets wrong is refused."""

import pytest

from classifiers.errors import RecipeInvalid
from classifiers.recipe import Recipe, read_recipe


@pytest.mark.parametrize("wrong", ["bits = 'many'", "unheard_of = 1", "bits ="])
def test_a_recipe_that_is_wrong_is_refused(wrong, tmp_path):
    (tmp_path / "recipe.toml").write_text(wrong)
    with pytest.raises(RecipeInvalid):
        read_recipe(tmp_path / "recipe.toml")


def test_a_recipe_keeps_defaults_for_what_it_leaves_out(tmp_path):
    (tmp_path / "recipe.toml").write_text("bits = 14")
    assert read_recipe(tmp_path / "recipe.toml") == Recipe(bits=14)
