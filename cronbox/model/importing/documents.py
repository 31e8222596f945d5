"""YAML and JSON documents, read so that each value knows its line, and no key is passed over unseen.

A `Table` remembers which of its keys were asked for; what is left at the end has no counterpart here, and is
told. YAML is read with PyYAML's safe loader, which makes nothing but plain values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cronbox.model.importing.draft import Place


class Unreadable(Exception):
    """The source is not what it should be; `line` is where, from 1. `translate` adds the file."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.file = ""


class NotYaml(Unreadable):
    """YAML's own rules are broken; it may still be JSON, of which not all is YAML."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document, with its place."""

    value: Any
    place: Place
    mark: Any = None
    """PyYAML's node, which knows the lines of what is inside."""

    def children(self) -> Iterator[Node]:
        """The items of a list."""
        marks = self.mark.value if self.mark is not None else [None] * len(self.value)
        for index, (value, mark) in enumerate(zip(self.value, marks, strict=True)):
            yield Node(value, _at(self.place, f"[{index}]", mark), mark)


@dataclass(slots=True)
class Table:
    """A mapping of which every key is asked for or told."""

    node: Node
    asked: set[str] = field(default_factory=set)

    @property
    def place(self) -> Place:
        return self.node.place

    def __contains__(self, key: str) -> bool:
        return self.node.value.get(key) is not None

    def get(self, key: str) -> Node | None:
        """The value of a key, of any type; None where there is none or it is null."""
        if key not in self:
            return None
        self.asked.add(key)
        return self.child(key)

    def text(self, key: str) -> str | None:
        """A text or a number, as a text. Another type stays unasked, and so is told."""
        value = self.node.value.get(key)
        if isinstance(value, bool):
            self.asked.add(key)
            return "true" if value else "false"
        if not isinstance(value, (str, int, float)):
            return None
        self.asked.add(key)
        return str(value)

    def number(self, key: str) -> float | None:
        """A number that is not negative, or a text of one."""
        value = self.node.value.get(key)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
            return None
        self.asked.add(key)
        return value

    def flag(self, key: str) -> bool | None:
        value = self.node.value.get(key)
        if not isinstance(value, bool):
            return None
        self.asked.add(key)
        return value

    def table(self, key: str) -> Table:
        """The mapping of a key; an empty one where there is none."""
        if isinstance(self.node.value.get(key), dict):
            self.asked.add(key)
            return Table(self.child(key))
        return Table(Node({}, self.child(key).place))

    def items(self, key: str) -> list[Node]:
        """The list of a key; an empty one where there is none."""
        if not isinstance(self.node.value.get(key), list):
            return []
        self.asked.add(key)
        return list(self.child(key).children())

    def tables(self, key: str) -> list[Table]:
        """The mappings in a list. One with something else among them stays unasked, and so is told."""
        items = self.items(key)
        found = [Table(item) for item in items if isinstance(item.value, dict)]
        if len(found) < len(items):
            self.asked.discard(key)
        return found

    @property
    def keys(self) -> list[str]:
        return [str(key) for key in self.node.value]

    def forget(self, *keys: str) -> None:
        """These keys say nothing about the job."""
        self.asked.update(keys)

    def left(self) -> list[Node]:
        """What nobody has asked for."""
        return [
            self.child(key)
            for key, value in self.node.value.items()
            if key not in self.asked and value not in (None, [], {})
        ]

    def child(self, key: str) -> Node:
        """The value of a key with its place, not asked for."""
        name, value = _marks_of(self.node.mark, key)
        where = f".{key}" if self.place.key else str(key)
        return Node(self.node.value.get(key), _at(self.place, where, name), value)


def _at(place: Place, step: str, mark: Any) -> Place:
    line = mark.start_mark.line + 1 if mark is not None else place.line
    return Place(place.file, line, place.key + step)


def _marks_of(mark: Any, key: object) -> tuple[Any, Any]:
    """PyYAML's nodes of a key and of its value."""
    pairs = mark.value if mark is not None and isinstance(mark.value, list) else ()
    return next((pair for pair in pairs if getattr(pair[0], "value", None) == str(key)), (None, None))


def read_documents(text: str, file: str) -> list[Node]:
    """The documents of a YAML or JSON file. Raises Unreadable."""
    try:
        return _read_yaml(text, file)
    except NotYaml:
        if text.lstrip()[:1] not in ("{", "["):
            raise
        try:
            return [Node(_printable(json.loads(text)), Place(file))]
        except (ValueError, RecursionError):
            pass
        raise


def _printable(value: Any) -> Any:
    """JSON may escape halves of characters, which no file can hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, list):
        return [_printable(item) for item in value]
    if isinstance(value, dict):
        return {_printable(key): _printable(item) for key, item in value.items()}
    return value


def _read_yaml(text: str, file: str) -> list[Node]:
    """Lines of all values come with it. Raises NotYaml, and Unreadable for a key that stands twice."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text)
    found = []
    try:
        while loader.check_node():
            mark = loader.get_node()
            _refuse_doubles(mark)
            place = Place(file, mark.start_mark.line + 1)
            found.append(Node(loader.construct_document(mark), place, mark))
    except yaml.YAMLError as error:
        at = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise NotYaml(f"this is not YAML: {problem}", at.line + 1 if at else None) from None
    except (ValueError, RecursionError) as error:
        raise NotYaml(f"this is not YAML: {error}") from None
    finally:
        loader.dispose()
    return [node for node in found if node.value is not None]


def _refuse_doubles(mark: Any) -> None:
    """A key that stands twice would hide one of its values."""
    import yaml

    waiting, seen = [mark], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen or not isinstance(node.value, list):
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        names = set()
        for name, value in node.value:
            waiting += [name, value]
            if isinstance(name, yaml.ScalarNode) and name.value != "<<":
                if name.value in names:
                    raise Unreadable(f"the key {name.value!r} stands twice", name.start_mark.line + 1)
                names.add(name.value)


def as_texts(value: object) -> list[str] | None:
    """A list of texts or numbers, as texts; None for anything else."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return None
    if not all(isinstance(item, (str, int, float)) for item in value):
        return None
    return [_plain(item) for item in value]


@dataclass(frozen=True, slots=True)
class Pair:
    """`A: b` or `A=b` as Docker's tools write labels and variables; the value is None for a bare `A`."""

    name: str
    value: str | None
    place: Place


def as_pairs(node: Node | None) -> list[Pair] | None:
    """The pairs of a mapping or of a list of texts; None for anything else."""
    if node is None:
        return []
    if isinstance(node.value, dict):
        table = Table(node)
        found = [(str(key), table.child(key)) for key in node.value]
        if not all(item.value is None or isinstance(item.value, (str, int, float)) for _, item in found):
            return None
        return [
            Pair(key, None if item.value is None else _plain(item.value), item.place) for key, item in found
        ]
    if as_texts(node.value) is None:
        return None
    return [_pair(item) for item in node.children()]


def _pair(item: Node) -> Pair:
    name, equals, value = _plain(item.value).partition("=")
    return Pair(name, value if equals else None, item.place)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
