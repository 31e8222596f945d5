"""Rules about `# cronbox:` directives."""

from __future__ import annotations

import re
from collections.abc import Iterator

from cronbox.model.crontab import Broken, Comment, Entry, EnvLine, is_directive
from cronbox.model.directives import Directives, MistakeKind
from cronbox.model.lint.context import Finding
from cronbox.model.lint.rules import RULES
from cronbox.model.settings import IGNORE

_ALMOST = re.compile(r"#[ \t]*cron[ -]?box\b[ \t]*[:=]?[ \t]*[A-Za-z-]+[ \t]*=", re.IGNORECASE)
_CODES = {
    MistakeKind.MALFORMED: "CB501",
    MistakeKind.UNKNOWN_KEY: "CB502",
    MistakeKind.BAD_VALUE: "CB503",
    MistakeKind.TWICE: "CB505",
}


def directives(line: Entry | EnvLine | Broken, read: Directives) -> Iterator[Finding]:
    """What is wrong in the directives over a line."""
    for mistake in read.mistakes:
        yield Finding(mistake.line, mistake.column, _CODES[mistake.kind], mistake.message, mistake.hint)
    for word in read.words:
        if word.key == IGNORE:
            for code in word.value.split(","):
                if code.upper() not in RULES:
                    message = f"{code!r} is no rule"
                    yield Finding(
                        word.line, word.value_column, "CB506", message, "docs/rules/ lists them all"
                    )
        elif not isinstance(line, (Entry, Broken)):
            message = f"{word.key} needs an entry right below it"
            yield Finding(word.line, word.column, "CB504", message, "move it to the line above its entry")
    if isinstance(line, Entry):
        yield from _without_effect(line, read)


def _without_effect(line: Entry, read: Directives) -> Iterator[Finding]:
    """The kernel counts the processes of every user but root (setrlimit(2), RLIMIT_NPROC)."""
    for word in read.words:
        if word.key == "max-processes" and line.user == "root" and word.key in read.settings:
            message = "the kernel does not count root's processes"
            hint = "give the job a user of its own, or the box a limit of memory"
            yield Finding(word.line, word.column, "CB508", message, hint)


def orphan(comment: Comment) -> Finding:
    """A directive that nothing stands under."""
    message = "no entry stands right below this directive"
    hint = "move it to the line above its entry; only comments may stand between"
    return Finding(comment.line, comment.column, "CB504", message, hint)


def almost(comment: Comment) -> Iterator[Finding]:
    """`# cronbox name=x` is read as prose."""
    if not is_directive(comment) and _ALMOST.match(comment.text):
        yield Finding(
            comment.line,
            comment.column,
            "CB507",
            "cronbox reads only `# cronbox:`",
            "write # cronbox: KEY=VALUE",
        )
