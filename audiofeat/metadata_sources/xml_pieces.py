"""XML from strangers, read as it comes: DTDs and entities are refused, and only the pieces that are looked at are kept.

A piece is an element with what stands in it, small enough to be held; one that is larger costs itself and no memory.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol
from xml.sax import SAXException
from xml.sax.handler import ContentHandler, feature_namespaces
from xml.sax.xmlreader import AttributesNSImpl, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

_MOST_TOKEN_BYTES = 4 << 20
_MOST_CHARACTERS = 4_096
_MOST_NODES = 20_000
_MOST_DEPTH = 200


class BrokenXml(Exception):
    """From here on it is no XML, or none that is taken."""


class Moving(Protocol):
    """A handler that tells whether anything came since ``moved`` was last set to False."""

    moved: bool


@dataclass(slots=True)
class Node:
    """An element: its name without the namespace, its attributes, and what stands in it."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)
    text: str = ""

    def all(self, *path: str) -> "list[Node]":
        """Return the elements at a path below this one."""
        found = [self]
        for name in path:
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def first(self, *path: str) -> str:
        """Return the first text at a path below this one; empty where there is none."""
        return next((node.text for node in self.all(*path) if node.text), "")


@dataclass(frozen=True, slots=True)
class Piece:
    """An element that was looked for: where, in which line, and what is wrong with it, if anything."""

    path: tuple[str, ...]
    node: Node
    line: int
    problem: str = ""


# Control characters, of which one would end the document and not only its record; in UTF-16 such bytes are of letters.
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32)])
_PLAIN = bytes.maketrans(_CONTROLS, b" " * len(_CONTROLS))
_BYTE_ORDER_MARKS = frozenset({b"\xfe", b"\xff"})
_REFERENCE = re.compile(rb"&#(?:x([0-9A-Fa-f]{1,20})|([0-9]{1,20}));")
_LONGEST_REFERENCE_BYTES = 24
# https://www.w3.org/TR/xml/#charsets
_CHARACTER = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def parse(chunks: Iterable[bytes], handler: "ContentHandler", moving: Moving) -> Iterator[None]:
    """Hand a document's bytes to a handler, stopping after each of them; raises BrokenXml where it ends too early."""
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setFeature(feature_namespaces, 1)
    parser.setContentHandler(handler)
    # Only parse() would do so, and what is fed comes in pieces.
    handler.setDocumentLocator(parser)
    waiting = 0
    try:
        for chunk in _without_controls(chunks):
            parser.feed(chunk)
            waiting = 0 if moving.moved else waiting + len(chunk)
            moving.moved = False
            yield
            if waiting > _MOST_TOKEN_BYTES:
                raise BrokenXml(f"a name or attribute of more than {_MOST_TOKEN_BYTES:,} bytes")
        parser.close()
        yield
    except DefusedXmlException as error:
        raise BrokenXml("refused for its document type or its entities, which are not read") from error
    except (SAXException, ValueError, LookupError) as error:
        raise BrokenXml(f"no XML from here on: {error.args[0] if error.args else error}") from error


def _without_controls(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield bytes in which spaces stand for what XML has no characters for, be it there or referred to by number."""
    is_wide, held = None, b""
    for given in chunks:
        if is_wide is None:
            is_wide = given[:1] in _BYTE_ORDER_MARKS or b"\0" in given[:4]
        if is_wide:
            yield given
            continue
        chunk = held + given.translate(_PLAIN)
        begun = chunk.rfind(b"&", max(0, len(chunk) - _LONGEST_REFERENCE_BYTES))
        end = len(chunk) if begun < 0 or b";" in chunk[begun:] else begun
        held = chunk[end:]
        yield _REFERENCE.sub(_referred, chunk[:end])
    yield held


def _referred(reference: re.Match[bytes]) -> bytes:
    by_hexadecimal, by_decimal = reference.groups()
    try:
        character = chr(int(by_hexadecimal, 16) if by_hexadecimal else int(by_decimal))
    except (ValueError, OverflowError):
        return b" "
    return reference[0] if _CHARACTER.match(character) else b" "


class Pieces(ContentHandler):
    """Collects the elements at given paths below the root.

    Parameters
    ----------
    wanted : iterable of tuple of str
        Paths of names without namespaces, from the child of the root on.
    """

    def __init__(self, wanted: Iterable[tuple[str, ...]]) -> None:
        super().__init__()
        self._wanted = frozenset(wanted)
        self.moved = False
        self.root: tuple[str, str] | None = None
        self._where: Locator | None = None
        self._path: list[str] = []
        self._open: list[Node] = []
        self._skipped = 0
        self._nodes = self._size = 0
        self._line, self._problem = 1, ""
        self._done: list[Piece] = []

    @property
    def line(self) -> int:
        """Where the parser is."""
        return int(self._where.getLineNumber() or 1) if self._where else 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802  SAX's name
        """Take what knows where the parser is."""
        self._where = locator

    def read(self, chunks: Iterable[bytes]) -> Iterator[Piece]:
        """Yield the pieces of a document as they end; raises BrokenXml after the last one that could be read."""
        try:
            for _ in parse(chunks, self, self):
                yield from self._taken()
        except BrokenXml:
            yield from self._taken()
            raise

    def _taken(self) -> list[Piece]:
        done, self._done = self._done, []
        return done

    def startElementNS(  # noqa: N802  SAX's name
        self, name: tuple[str | None, str], qname: str | None, attrs: AttributesNSImpl  # noqa: ARG002  the interface of SAX
    ) -> None:  # fmt: skip
        """Begin a piece, or go on with one."""
        self.moved = True
        space, local = name
        if self.root is None:
            self.root = space or "", local
            return
        self._path.append(local)
        if len(self._path) > _MOST_DEPTH:
            raise SAXException(f"more than {_MOST_DEPTH} elements within each other")
        if self._open or tuple(self._path) in self._wanted:
            self._begin(local, attrs)

    def _begin(self, local: str, attrs: AttributesNSImpl) -> None:
        if not self._open:
            self._line, self._problem, self._nodes = self.line, "", 0
        self._nodes += 1
        self._size = 0
        if self._nodes > _MOST_NODES:
            self._problem = self._problem or f"more than {_MOST_NODES:,} elements"
            self._skipped += 1
            return
        known = {key[1]: str(value)[:_MOST_CHARACTERS] for key, value in attrs.items()}
        node = Node(local, known)
        if self._open:
            self._open[-1].children.append(node)
        self._open.append(node)

    def characters(self, content: str) -> None:
        """Take a text, as far as it may go."""
        self.moved = True
        if not self._open or self._skipped:
            return
        self._size += len(content)
        if self._size <= _MOST_CHARACTERS:
            self._open[-1].text += content
        elif not self._problem:
            self._problem = f"{self._open[-1].name} is longer than {_MOST_CHARACTERS:,} characters"

    def endElementNS(self, name: tuple[str | None, str], qname: str | None) -> None:  # noqa: N802, ARG002  SAX
        """End a piece, or a part of one."""
        self.moved = True
        if self._skipped:
            self._skipped -= 1
        elif self._open:
            node = self._open.pop()
            node.text = " ".join(node.text.split())
            self._size = 0
            if not self._open:
                self._done.append(Piece(tuple(self._path), node, self._line, self._problem))
        if self._path:
            self._path.pop()
