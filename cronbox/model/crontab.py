"""Crontab files, read exactly as Debian's cron 3.0pl1-162 reads them, and losing nothing.

Source: `user.c` (`load_user`), `env.c` (`load_env`) and `entry.c` (`load_entry`) of that package. cron
stops at the first bad line and ignores the whole file; this parser goes on at the next line, so that the
linter can name every problem, and `Crontab.cron_error` says what cron would have said.

A file is text with bytes that are not UTF-8 carried as surrogate escapes. Columns count characters from 1,
limits count bytes. A NUL byte ends an entry or an environment line just as a newline does (`misc.c:378`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from cronbox.model.fields import EOF_BYTE, FieldError, Oddity, Reading, Schedule, read_schedule

LONGEST_COMMAND = 998
"""Bytes of a command as it stands in the file (`MAX_COMMAND`); cron refuses longer ones."""
LONGEST_ENV_LINE = 998
"""Bytes of an environment line that cron keeps (`MAX_ENVSTR`); it cuts off the rest without a word."""
LAST_LINE = 10003
"""The last line an entry or environment line may stand on (`MAX_TAB_LINES` and its quirks)."""

Format = Literal["system", "user"]
"""`system`: /etc/cron.d, with a user before the command. `user`: what `crontab -e` edits, without."""
Env = tuple[tuple[str, str], ...]


class CronError(StrEnum):
    """What cron logs when it ignores a file, beside `bad minute` and the like for each time field."""

    USERNAME = "bad username"
    COMMAND = "bad command"
    COMMAND_TOO_LONG = "command too long"
    NO_NEWLINE = "Missing newline before EOF"
    TOO_MANY_LINES = "crontab must not be longer than 10000 lines"


@dataclass(frozen=True, slots=True)
class Line:
    """A piece of the file. All `raw` in order are the file; it begins at `line` and `column`."""

    line: int
    column: int
    raw: str
    """With its terminator: a newline, a NUL, or nothing at the end of the file."""

    @property
    def terminated(self) -> bool:
        """Whether cron finds an end of this piece before the end of the file."""
        return self.raw.endswith("\n") or "\0" in self.raw


class Blank(Line):
    """Nothing but spaces and tabs."""

    __slots__ = ()


class Comment(Line):
    """A line whose first character that is not blank is `#`."""

    __slots__ = ()

    @property
    def text(self) -> str:
        """From the `#` on, without the end of the line."""
        return self.raw.strip(" \t\n\r")


@dataclass(frozen=True, slots=True)
class EnvLine(Line):
    """`NAME=VALUE`, for the entries below it. `name` and `value` are as cron gives them to a job."""

    name: str
    value: str
    name_column: int
    value_column: int
    quote: str
    """The quote around the value in the file, or nothing."""
    directives: tuple[Comment, ...] = ()
    """The `# cronbox:` comments right above it."""


@dataclass(frozen=True, slots=True)
class Entry(Line):
    """A job's line: time fields, user, command."""

    times: str
    """The time fields as they stand in the file."""
    times_column: int
    schedule: Schedule
    oddities: tuple[Oddity, ...]
    """Their columns count in `times`."""
    user: str
    user_column: int
    text: str
    """The command with its `%` and backslashes, as it stands in the file."""
    text_column: int
    env: Env
    """What the environment lines above it have set."""
    directives: tuple[Comment, ...] = ()
    """The `# cronbox:` comments right above it."""

    @property
    def command(self) -> str:
        """What cron hands to the shell: up to the first `%`, with `\\%` and `\\\\` decoded."""
        return decode_command(self.text)[0]

    @property
    def stdin(self) -> str | None:
        """What cron feeds to the command, or None where it has no `%`."""
        return decode_command(self.text)[1]


@dataclass(frozen=True, slots=True)
class Broken(Line):
    """A line that cron refuses, and the whole file with it. `at` is the column of the mistake."""

    at: int
    cron_error: str
    message: str
    hint: str = ""
    directives: tuple[Comment, ...] = ()
    user: str = ""
    """Whom cron looks up before it comes to the mistake, which is then in the command."""

    def error_among(self, users: frozenset[str] | None) -> str:
        """What cron logs, which looks the user up first."""
        unknown = self.user and users is not None and self.user not in users
        return CronError.USERNAME if unknown else self.cron_error


@dataclass(frozen=True, slots=True)
class Crontab:
    """One file. `file` is its path as people should read it in messages."""

    file: str
    format: Format
    lines: tuple[Line, ...]

    @property
    def entries(self) -> Iterator[Entry]:
        return (line for line in self.lines if isinstance(line, Entry))

    def render(self) -> bytes:
        """The file, byte for byte."""
        return "".join(line.raw for line in self.lines).encode("utf-8", "surrogateescape")

    def cron_error(self, users: frozenset[str] | None = None) -> str | None:
        """Why cron would ignore this file, in cron's words; None if it loads it.

        `users` are the users there are; None stands for any. An entry of a system crontab for a user that
        is not there makes cron ignore the file.
        """
        for line in self.lines:
            match line:
                case Comment() | Blank():
                    continue
                case _ if not line.terminated:
                    return CronError.NO_NEWLINE
                case Broken():
                    return line.error_among(users)
                case Entry() if users is not None and self.format == "system" and line.user not in users:
                    return CronError.USERNAME
            if line.line + line.raw.count("\n") > LAST_LINE + 1:
                return CronError.TOO_MANY_LINES
        return None


def parse_crontab(data: bytes, *, file: str, format: Format = "system") -> Crontab:
    """The crontab of any bytes; never fails."""
    reader = _Reader(data.decode("utf-8", "surrogateescape"), format)
    return Crontab(file=file, format=format, lines=tuple(reader.lines()))


def decode_command(text: str) -> tuple[str, str | None]:
    """(command, stdin) of an entry's text, as `do_command.c:192` and `:398` decode them."""
    if "%" not in text and "\\" not in text:
        return text, None
    found = _COMMAND_END.match(text)
    end = found.end() if found else 0
    command = _ESCAPE.sub(r"\1", text[:end])
    if end == len(text):
        return command, None
    stdin = _STDIN.sub(lambda part: "%" if part[0] == r"\%" else "\n", text[end + 1 :])
    return command, stdin if stdin.endswith("\n") else stdin + "\n"


_COMMAND_END = re.compile(r"(?:[^%\\]|\\.|\\\Z)*", re.DOTALL)
_ESCAPE = re.compile(r"\\([%\\])")
_STDIN = re.compile(r"\\%|%")
DIRECTIVE = re.compile(r"#[ \t]*cronbox:")


def is_directive(comment: Comment) -> bool:
    """Whether cronbox reads this comment."""
    return DIRECTIVE.match(comment.text) is not None


# ------------------------------------------------------------------------------------------- reading

_SKIPPED = re.compile(r"[ \t]*(#[^\n]*)?(?:\n|\Z)")
_FAST_FIELD = r"[0-9A-Za-z*/,-]+"
_FAST_TIMES = rf"(@[a-z]+|{_FAST_FIELD}(?:[ \t]+{_FAST_FIELD}){{4}})"
_FAST = {
    "system": re.compile(rf"[ \t]*{_FAST_TIMES}[ \t]+([A-Za-z_][A-Za-z0-9_.-]*)[ \t]([^\n\0]*)\n"),
    "user": re.compile(rf"[ \t]*{_FAST_TIMES}[ \t]+()([^*=\n\0\s{EOF_BYTE}][^\n\0]*)\n"),
}
"""Nearly every entry there is. None can be an environment line, for there is no `=` before the user."""
_BLANKS = re.compile(r"[ \t]*")
_RECORD = re.compile(r"[^\n\0]*")
_WHOLE_LINE = re.compile(r"[^\n]*\n?")
_FIELD = re.compile(r"[^ \t\n]+")
_KEYWORD = re.compile(r"@[^ \t\n\0]*")
_USER = re.compile(r"[^ \t\n\0]*")
_C_SPACE = " \t\n\v\f\r"
_ENV = re.compile(
    r"""(?:'([^'=]*)' | "([^"=]*)" | ((?!['"])[^\s=]*))
        \s*=\s*
        (?:(')([^']*)'\s* | (")([^"]*)"\s* | ([^'"\s].*))""",
    re.VERBOSE | re.ASCII | re.DOTALL,
)


class _Refused(Exception):
    """cron refuses this line: a column, cron's words, ours, and what to do."""

    def __init__(self, position: int, cron_error: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.position = position
        self.cron_error = cron_error
        self.message = message
        self.hint = hint
        self.user = ""


class _Reader:
    """Walks over a file, record by record."""

    def __init__(self, text: str, format: Format) -> None:
        self.text = text
        self.system = format == "system"
        self.fast = _FAST[format]
        self.at = 0
        self.line = 1
        self.line_start = 0
        self.env: dict[str, str] = {}
        self.snapshot: Env = ()
        self.pending: list[Comment] = []
        self.last_stop = max(text.rfind(stop) for stop in " \t\0")
        """Behind it, a user name would run into the end of the file."""

    def lines(self) -> Iterator[Line]:
        """Every piece of the file, in order."""
        size = len(self.text)
        while self.at < size:
            yield self._next()
            if self.text.startswith("\n", self.at - 1):
                self.line += 1
                self.line_start = self.at

    def _next(self) -> Line:
        found = self.fast.match(self.text, self.at)
        if found:
            return self._fast_entry(found)
        skipped = _SKIPPED.match(self.text, self.at)
        if skipped:
            return self._comment_or_blank(skipped)
        return self._env_line() or self._slow_entry()

    def _comment_or_blank(self, skipped: re.Match[str]) -> Line:
        column = self._column(self.at)
        self.at = skipped.end()
        if skipped[1] is None:
            self.pending.clear()
            return Blank(self.line, column, skipped[0])
        comment = Comment(self.line, column, skipped[0])
        if is_directive(comment):
            self.pending.append(comment)
        return comment

    def _directives(self) -> tuple[Comment, ...]:
        if not self.pending:
            return ()
        taken = tuple(self.pending)
        self.pending.clear()
        return taken

    def _column(self, position: int) -> int:
        return position - self.line_start + 1

    # ------------------------------------------------------------------------------ environment lines

    def _env_line(self) -> EnvLine | None:
        begin = _end(_BLANKS, self.text, self.at)
        end = _end(_RECORD, self.text, begin)
        kept = _first_bytes(self.text[begin:end], LONGEST_ENV_LINE)
        found = _ENV.fullmatch(kept)
        if not found:
            return None
        name_group = next(group for group in (1, 2, 3) if found[group] is not None)
        value_group = next(group for group in (5, 7, 8) if found[group] is not None)
        name, value = found[name_group], _env_value(found[value_group])
        self.env[name] = value
        self.snapshot = tuple(self.env.items())
        line = EnvLine(
            line=self.line,
            column=self._column(self.at),
            raw=self.text[self.at : end + 1],
            name=name,
            value=value,
            name_column=self._column(begin + found.start(name_group)),
            value_column=self._column(begin + found.start(value_group)),
            quote=found[4] or found[6] or "",
            directives=self._directives(),
        )
        self.at = min(end + 1, len(self.text))
        return line

    # ---------------------------------------------------------------------------------------- entries

    def _fast_entry(self, found: re.Match[str]) -> Line:
        times, user, text = found.groups()
        try:
            reading = read_schedule(times)
            if len(text) * 4 > LONGEST_COMMAND:
                _refuse_long(text, found.start(3))
        except FieldError as error:
            position = found.start(1) + error.column - 1
            return self._broken(_Refused(position, error.cron_error, error.message, error.hint))
        except _Refused as refused:
            refused.user = user
            return self._broken(refused)
        start = self.line_start
        entry = Entry(
            self.line,
            self.at - start + 1,
            found[0],
            times,
            found.start(1) - start + 1,
            reading.schedule,
            reading.oddities,
            user,
            found.start(2) - start + 1,
            text,
            found.start(3) - start + 1,
            self.snapshot,
            self._directives() if self.pending else (),
        )
        self.at = found.end()
        return entry

    def _slow_entry(self) -> Line:
        try:
            return self._careful_entry()
        except _Refused as refused:
            return self._broken(refused)

    def _broken(self, refused: _Refused) -> Broken:
        """The rest of this line cannot be used. cron would stop here; the next line is read on its own."""
        begin = self.at
        self.at = _end(_WHOLE_LINE, self.text, begin)
        raw = self.text[begin : self.at]
        at = self._column(min(refused.position, self.at - 1))
        return Broken(
            self.line,
            self._column(begin),
            raw,
            at,
            refused.cron_error,
            refused.message,
            refused.hint,
            self._directives(),
            refused.user,
        )

    def _careful_entry(self) -> Entry:
        """What `load_entry` does, step by step."""
        begin = _end(_BLANKS, self.text, self.at)
        times_end = self._times_end(begin)
        user_at = _end(_BLANKS, self.text, times_end)
        times = self.text[begin:times_end]
        reading = self._reading(times, begin, user_at)
        user_end = self._user_end(user_at) if self.system else user_at
        text_at = user_end + 1 if self.system else user_at
        text_end = _end(_RECORD, self.text, text_at)
        try:
            self._refuse_command(text_at, text_end)
        except _Refused as refused:
            refused.user = self.text[user_at:user_end]
            raise
        entry = Entry(
            line=self.line,
            column=self._column(self.at),
            raw=self.text[self.at : text_end + 1],
            times=times,
            times_column=self._column(begin),
            schedule=reading.schedule,
            oddities=reading.oddities,
            user=self.text[user_at:user_end],
            user_column=self._column(user_at),
            text=self.text[text_at:text_end],
            text_column=self._column(text_at),
            env=self.snapshot,
            directives=self._directives(),
        )
        self.at = min(text_end + 1, len(self.text))
        return entry

    def _times_end(self, begin: int) -> int:
        """Where the time fields end: a keyword at a blank or NUL, fields at the blank after the fifth."""
        if self.text.startswith("@", begin):
            return _end(_KEYWORD, self.text, begin)
        at = end = begin
        for _ in range(5):
            end = _end(_FIELD, self.text, at)
            at = _end(_BLANKS, self.text, end)
        return end

    def _reading(self, times: str, begin: int, user_at: int) -> Reading:
        at_end = user_at == len(self.text) or self.text.startswith(EOF_BYTE, user_at)
        if at_end and not times.startswith("@"):
            times = f"{times} {EOF_BYTE}"
        try:
            return read_schedule(times)
        except FieldError as error:
            raise _Refused(begin + error.column - 1, error.cron_error, error.message, error.hint) from None

    def _user_end(self, user_at: int) -> int:
        """A newline does not end a user name (`entry.c:245`), so cron would look for it in the next line."""
        end = _end(_USER, self.text, user_at)
        if user_at > self.last_stop:
            raise _Refused(user_at, CronError.COMMAND, "user and command are missing", _SYSTEM_HINT)
        if end == user_at or self.text.startswith("\n", end):
            missing = "user and command are" if end == user_at else "the command is"
            raise _Refused(end, CronError.USERNAME, f"{missing} missing", _SYSTEM_HINT)
        return end

    def _refuse_command(self, text_at: int, text_end: int) -> None:
        if not self.system and self.text.startswith("*", text_at):
            raise _Refused(
                text_at, CronError.COMMAND, "a command cannot begin with *: is this a sixth time field?"
            )
        _refuse_long(self.text[text_at:text_end], text_at)
        if text_end == len(self.text) and "\0" in self.text[self.at : text_at]:
            raise _Refused(text_at, CronError.COMMAND, "the file ends before the command does")


_SYSTEM_HINT = "write: minute hour day month weekday USER COMMAND"


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    """Where the match at `at` ends; `at` itself if there is none."""
    found = pattern.match(text, at)
    return found.end() if found else at


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogateescape"))


def _first_bytes(text: str, count: int) -> str:
    if _bytes(text) <= count:
        return text
    return text.encode("utf-8", "surrogateescape")[:count].decode("utf-8", "surrogateescape")


def _refuse_long(text: str, position: int) -> None:
    size = _bytes(text)
    if size > LONGEST_COMMAND:
        message = f"the command has {size} bytes, cron takes {LONGEST_COMMAND}"
        raise _Refused(position, CronError.COMMAND_TOO_LONG, message, "move it into a script")


def _env_value(text: str) -> str:
    """Trailing blanks go even inside quotes, and one more pair of quotes is taken off (`env.c`, `strdtb`)."""
    value = text.rstrip(_C_SPACE)
    if len(value) >= 2 and value[0] in "'\"" and value[-1] == value[0]:
        return value[1:-1]
    return value
