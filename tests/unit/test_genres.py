"""The genre tree: names mapped by table, subtrees as one condition."""

import pytest

from audiofeat.domain import genres, merge_policy
from audiofeat.errors import InvalidInput


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ("Drum & Bass", "electronic/drum and bass"),
        ("DnB", "electronic/drum and bass"),
        ("hip-hop", "hip hop"),
        ("Chansón", "folk/chanson"),
        ("Society & Culture", "spoken word/podcast/society and culture"),
        ("Crossover", None),
        ("Rockk", None),
        ("", None),
    ],
)
def test_a_name_means_its_node_or_nothing(said: str, path: str | None) -> None:
    """Case, accents, signs and listed spellings do not matter; what is not in the table is not guessed."""
    assert genres.path_of(said) == path


def test_every_node_is_found_by_its_own_name() -> None:
    """The shipped tree maps each node's name to the path that ends with it."""
    assert len(genres.tree()) > 300
    for name, path in genres.tree().items():
        assert genres.path_of(name) == path
        assert path.rpartition("/")[2] == name


def test_several_genres_lie_in_every_subtree_above_them() -> None:
    """A packed text has a mark of each node on the way to the root, of what was said, and of no other genre."""
    packed = genres.packed("Deep House; unheard of; Jazz")
    assert genres.paths_in(packed) == ("electronic/house/deep house", "jazz")
    asked = [*genres.tree(), "unheard of", "unheard"]
    inside = {name for name in asked if any(mark in f"; {packed};" for mark in genres.marks(name))}
    assert inside == {"electronic", "house", "deep house", "jazz", "unheard of"}
    assert genres.packed("unheard of") == "unheard of"


@pytest.mark.parametrize("text", ["rock\n    punk\n", "rock\npunk: Rock\n"])
def test_a_tree_that_contradicts_itself_is_refused(text: str) -> None:
    """A line too deep, and a name that stands twice, are errors that name the line."""
    with pytest.raises(InvalidInput, match="line 2"):
        genres.read_tree(text)


def test_an_operators_rows_come_first() -> None:
    """A policy maps genres and names of its own; what the tree has not is refused with what comes close."""
    rows = '[genres]\n"Zydeco" = "Folk"\n"jazz" = "blues"\n[names]\n"X, The" = "The X"'
    policy = merge_policy.parse(f"version = 1\n{rows}")
    assert genres.packed("zydeco; Jazz", policy.genres) == "zydeco; jazz; folk/; blues/"
    assert policy.names == {"x, the": "The X"}
    with pytest.raises(InvalidInput, match="has not") as problem:
        merge_policy.parse('version = 1\n[genres]\n"Zydeco" = "folkk"')
    assert "folk" in problem.value.remedy
    with pytest.raises(InvalidInput, match="table of texts"):
        merge_policy.parse('version = 1\n[names]\n"X" = 1')
