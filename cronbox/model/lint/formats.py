"""Problems as other programs read them: SARIF for code hosts and editors, workflow commands for GitHub."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from cronbox.model.lint.problem import Fix, Problem, Severity
from cronbox.model.lint.rules import RULES, Rule

_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "note"}
_GITHUB_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.HINT: "notice"}


def github_lines(problems: Iterable[Problem]) -> Iterator[str]:
    """One workflow command for each problem, which GitHub shows beside the line.

    Source: https://docs.github.com/actions/reference/workflow-commands-for-github-actions, and for what is
    escaped `packages/core/src/command.ts` of actions/toolkit.
    """
    for problem in problems:
        place = {"file": problem.file, "line": problem.line, "col": problem.column, "title": problem.code}
        properties = ",".join(f"{name}={_property(str(value))}" for name, value in place.items())
        yield f"::{_GITHUB_COMMANDS[problem.severity]} {properties}::{_data(_sentence(problem))}"


def _sentence(problem: Problem) -> str:
    """What is wrong and what to do."""
    told = f"{problem.message} ({problem.hint})" if problem.hint else problem.message
    return told.encode(errors="backslashreplace").decode()


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def sarif(problems: Sequence[Problem], *, version: str) -> dict[str, Any]:
    """A SARIF 2.1.0 log of one run of cronbox of this version, with every rule and every safe fix.

    Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    driver = {"name": "cronbox", "version": version, "rules": [_rule(rule) for rule in RULES.values()]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem) for problem in problems],
    }
    return {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.code,
        "shortDescription": {"text": rule.summary},
        "help": {"text": f"{rule.page} explains it, with examples."},
        "defaultConfiguration": {"level": _SARIF_LEVELS[rule.severity]},
    }


_INDEX = {code: index for index, code in enumerate(RULES)}


def _result(problem: Problem) -> dict[str, Any]:
    file = {"uri": _uri(problem.file)}
    place = {
        "artifactLocation": file,
        "region": {"startLine": problem.line, "startColumn": problem.column},
    }
    result: dict[str, Any] = {
        "ruleId": problem.code,
        "level": _SARIF_LEVELS[problem.severity],
        "message": {"text": _sentence(problem)},
        "locations": [{"physicalLocation": place}],
    }
    if problem.code in _INDEX:
        result["ruleIndex"] = _INDEX[problem.code]
    if problem.fixes:
        change = {"artifactLocation": file, "replacements": [_replacement(fix) for fix in problem.fixes]}
        result["fixes"] = [{"artifactChanges": [change]}]
    return result


def _uri(file: str) -> str:
    """A relative reference, or a file: URI for an absolute path (RFC 3986, RFC 8089)."""
    path = quote(file.encode("utf-8", "surrogateescape"))
    return f"file://{path}" if path.startswith("/") else path


def _replacement(fix: Fix) -> dict[str, Any]:
    region = {"byteOffset": fix.start, "byteLength": fix.end - fix.start}
    content = base64.b64encode(fix.replacement).decode("ascii")
    return {"deletedRegion": region, "insertedContent": {"binary": content}}


def unified_diff(file: str, before: bytes, after: bytes) -> Iterator[str]:
    """Lines, with their ends, that `patch -p0` takes; bytes that are not UTF-8 as surrogate escapes."""
    from difflib import unified_diff as compare

    old, new = _lines(before), _lines(after)
    for line in compare(old, new, fromfile=file, tofile=file):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(data: bytes) -> list[str]:
    """Cut at newlines only; a carriage return is part of its line."""
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    return [f"{line}\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])
