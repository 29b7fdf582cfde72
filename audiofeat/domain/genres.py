"""The genre tree: what a source calls a genre is kept, and mapped to a node of a small tree by table, never by guess.

The tree is ``reference/genres.txt``. A node's *path* names it from its root, ``electronic/house/deep house``; an item
keeps the names and the paths of its genres as one text, so that a node's whole subtree is one condition.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from importlib import resources

from audiofeat.domain import reference
from audiofeat.errors import InvalidInput

_INDENT = "  "
_BETWEEN = ";"
_NOT_A_LETTER = re.compile(r"[^\w]+|_+")


@lru_cache(maxsize=4_096)
def spelt(text: str) -> str:
    """Return a genre's name as it is compared: without case, accents and signs, "&" as "and".

    Examples
    --------
    >>> spelt("Drum & Bass"), spelt("Hip-Hop")
    ('drum and bass', 'hip hop')
    """
    bare = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join(_NOT_A_LETTER.sub(" ", bare.replace("&", " and ")).split())


def read_tree(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the path of each node, and the node of each name, of a tree as ``genres.txt`` writes it.

    Raises
    ------
    InvalidInput
        A name stands twice, or a line stands deeper than what it belongs to.
    """
    paths: dict[str, str] = {}
    nodes: dict[str, str] = {}
    above: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        depth = (len(line) - len(line.lstrip())) // len(_INDENT)
        name, _, others = line.strip().partition(":")
        names = [spelt(one) for one in (name, *others.split(",")) if one.strip()]
        if depth > len(above) or any(one in nodes for one in names):
            raise InvalidInput(f"line {number} of the genre tree stands too deep, or a name of it stands twice: {line}")
        above = [*above[:depth], names[0]]
        paths[names[0]] = "/".join(above)
        nodes |= dict.fromkeys(names, names[0])
    return paths, nodes


@cache
def _shipped() -> tuple[dict[str, str], dict[str, str]]:
    return read_tree(resources.files(reference).joinpath("genres.txt").read_text(encoding="utf-8"))


def tree() -> Mapping[str, str]:
    """Return the path of each node of the tree, in its order, by the node's name."""
    return _shipped()[0]


def names() -> Mapping[str, str]:
    """Return the path of every name that the shipped table knows, a node's own and others."""
    paths, nodes = _shipped()
    return {name: paths[node] for name, node in nodes.items()}


def path_of(name: str, also: Mapping[str, str] | None = None) -> str | None:
    """Return the path of the node that a genre's name means, or None where the table does not know it.

    Parameters
    ----------
    name : str
        As a source spells it.
    also : Mapping[str, str], optional
        An operator's own rows of the table, node by spelt name, which come first.

    Examples
    --------
    >>> path_of("Deep House")
    'electronic/house/deep house'
    """
    paths, nodes = _shipped()
    node = (also or {}).get(spelt(name)) or nodes.get(spelt(name))
    return None if node is None else paths[node]


def listed(genres: str) -> Iterator[str]:
    """Yield the single genres of a text that may hold several."""
    return (one.strip() for one in genres.split(_BETWEEN) if one.strip())


def packed(genres: str, also: Mapping[str, str] | None = None) -> str:
    """Return a text of genres as filters go by it: their own names, and the paths of those that the table knows.

    Examples
    --------
    >>> packed("Deep House; Zydeco Punk")
    'deep house; zydeco punk; electronic/house/deep house/'
    """
    own = list(listed(genres.casefold()))
    paths = (path_of(one, also) for one in own)
    return "; ".join(dict.fromkeys([*own, *(f"{path}/" for path in paths if path)]))


def marks(name: str) -> tuple[str, ...]:
    """Return what a packed text between ``"; "`` and ``";"`` contains, one of them, where a genre is asked for.

    Its own name, or the path of its node, which a subtree's paths begin with.

    Examples
    --------
    >>> marks("house")
    ('; house;', '; electronic/house/')
    """
    path = path_of(name)
    return (f"; {name};", f"; {path}/") if path else (f"; {name};",)


def paths_in(packed_text: str | None) -> tuple[str, ...]:
    """Return the single paths of a packed text."""
    return tuple(one[:-1] for one in listed(packed_text or "") if one.endswith("/"))


def most(packed_texts: Iterable[str | None]) -> str | None:
    """Return the deepest path that holds for at least half of some items, or None.

    Examples
    --------
    >>> most([packed("house"), packed("techno"), packed("house"), None])
    'electronic/house'
    """
    texts = list(packed_texts)
    counts = Counter(place for text in texts for place in above(text))
    held = [place for place, count in counts.items() if 2 * count >= len(texts)]
    return max(held, key=lambda place: (place.count("/"), counts[place], place)) if held else None


def above(packed_text: str | None) -> frozenset[str]:
    """Return every path of a packed text, and all above them."""
    return frozenset(place for path in paths_in(packed_text) for place in _upwards(path))


def common(first: str | None, second: str | None) -> str | None:
    """Return the name of the deepest node above or at two paths, or None.

    Examples
    --------
    >>> common("electronic/house/deep house", "electronic/techno")
    'electronic'
    """
    if first is None or second is None:
        return None
    shared = [one for one in _upwards(first) if one in set(_upwards(second))]
    return shared[0].rpartition("/")[2] if shared else None


def _upwards(path: str) -> list[str]:
    """Return a path and all above it, the deepest first."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(len(parts), 0, -1)]
