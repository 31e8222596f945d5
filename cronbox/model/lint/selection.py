"""Which rules speak: codes, or the beginnings of codes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cronbox.model.lint.rules import RULES


@dataclass(frozen=True, slots=True)
class Selection:
    """`select` None stands for every rule. `ignore` goes over `select`."""

    select: frozenset[str] | None = None
    ignore: frozenset[str] = frozenset()


EVERY_RULE = Selection()


def rule_codes(words: Iterable[str]) -> frozenset[str]:
    """`CB404`, or `CB4` for all that begin so, in capitals. Raises ValueError for what begins no code."""
    codes = frozenset(word.strip().upper() for word in words) - {""}
    for code in sorted(codes):
        if not any(known.startswith(code) for known in RULES):
            raise ValueError(f"{code!r} is no rule, nor the beginning of one, such as CB404 or CB4")
    return codes


def read_selection(table: object) -> Selection:
    """`[lint]` of config.toml. Raises ValueError for all but `select` and `ignore` with lists of codes."""
    match table:
        case dict() if table.keys() <= {"select", "ignore"} and all(map(_is_words, table.values())):
            return Selection(rule_codes(table.get("select", ["CB"])), rule_codes(table.get("ignore", [])))
    raise ValueError("[lint] has lists of codes as `select` and `ignore`")


def _is_words(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)
