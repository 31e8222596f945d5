"""What Kubernetes puts in for `$(NAME)`: in commands the shell's own `"$NAME"`, in variables their values.

Source: `third_party/forked/golang/expansion` of github.com/kubernetes/kubernetes. `$$` is a dollar, and what
nobody has set stays as it is.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from cronbox.model.importing.commands import shell_command
from cronbox.model.importing.environment import Variable

_REFERENCE = re.compile(r"\$\$|\$\(([^()]*)\)")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
Values = Mapping[str, str | None]


def expanded(variables: Iterable[Variable]) -> tuple[list[Variable], dict[str, str | None]]:
    """Variables with what `$(NAME)` in their values stands for, which is one that was set before."""
    found: list[Variable] = []
    values: dict[str, str | None] = {}
    for variable in variables:
        value, origin = variable.value, variable.origin
        if value is not None:
            named = {match[1] for match in _REFERENCE.finditer(value) if match[1] in values}
            unknown = sorted(name for name in named if values[name] is None)
            origin = f"a text with $({unknown[0]}), which is not known here" if unknown else origin
            value = None if unknown else _filled(value, values)
        values[variable.name] = value
        found.append(replace(variable, value=value, origin=origin))
    return found, values


def _filled(text: str, values: Values) -> str:
    def value_of(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else (values.get(found[1]) or "") if found[1] in values else found[0]

    return _REFERENCE.sub(value_of, text)


def kube_command(words: Sequence[str], values: Values) -> str:
    """The command for a shell; `$(NAME)` is put in by Kubernetes where such a variable is set."""
    if not any(_refers(word, values) for word in words):
        return shell_command([_literal(word) for word in words])
    return " ".join(_word(word, values) for word in words)


def _refers(word: str, values: Values) -> bool:
    return any(found[1] in values for found in _REFERENCE.finditer(word))


def _literal(word: str) -> str:
    return _REFERENCE.sub(lambda found: "$" if found[0] == "$$" else found[0], word)


def _word(word: str, values: Values) -> str:
    """One word, with the shell's own `"$NAME"` where a variable goes in."""
    parts: list[str] = []
    at = 0
    for found in _REFERENCE.finditer(word):
        if found[1] not in values:
            continue
        parts += _quoted(_literal(word[at : found.start()]))
        value = values[found[1]]
        parts += [f'"${found[1]}"'] if _IDENTIFIER.fullmatch(found[1]) else _quoted(value or "")
        at = found.end()
    parts += _quoted(_literal(word[at:]))
    return "".join(parts) or "''"


def _quoted(text: str) -> Iterable[str]:
    return [shlex.quote(text)] if text else []
