"""The five time fields of a crontab entry, read exactly as Debian's cron 3.0pl1-162 (amd64) reads them.

Source: `entry.c` of that package (`get_list`, `get_range`, `get_number`, `set_element`). What cron accepts
without a word although it means something else than it seems to (`*foo`, `22-2`, `1.5`) is accepted here too,
and listed as an `Oddity`, so that the linter can object.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

from cronbox.errors import CronboxError

LONGEST_TOKEN = 999
"""Bytes of one number or name (`MAX_TEMPSTR`); cron refuses longer ones."""


class FieldName(StrEnum):
    """The fields in their order, by the names cron uses in its complaints."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day-of-month"
    MONTH = "month"
    WEEKDAY = "day-of-week"
    KEYWORD = "time specifier"


class FieldError(CronboxError):
    """cron refuses the time fields. `column` counts characters from 1 in the text that was parsed."""

    exit_code: ClassVar[int] = 2

    def __init__(self, field: FieldName, column: int, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.field = field
        self.column = column

    @property
    def cron_error(self) -> str:
        """What cron logs, such as `bad minute`."""
        return f"bad {self.field}"


class OddityKind(StrEnum):
    """What cron accepts, but not as it looks."""

    JUNK = "junk"
    REVERSED = "reversed"
    OVERFLOW = "overflow"
    STEP_UNEVEN = "step-uneven"
    STEP_TOO_LARGE = "step-too-large"


@dataclass(frozen=True, slots=True)
class Oddity:
    """`text` is the odd part, `column` where it begins (from 1) in the text that was parsed."""

    kind: OddityKind
    field: FieldName
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Schedule:
    """When an entry is due.

    `text` is its clean form: junk, leading zeros and `@daily` are gone, the meaning is kept.

    `days_starred` and `weekdays_starred` tell whether a field *begins* with `*`, which decides between AND
    and OR of the two (`cron.c:345`). `wildcard` is the same for minute or hour, and decides what happens
    when the clock is put forward or back (`cron.c`, "wildcard" and "fixed-time" jobs). An `@reboot` schedule
    has empty sets.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 (Sunday) to 6."""
    days_starred: bool
    weekdays_starred: bool
    wildcard: bool
    reboot: bool = False

    @property
    def either_day(self) -> bool:
        """Whether one of day-of-month and day-of-week is enough. Otherwise both must match."""
        return not (self.days_starred or self.weekdays_starred)

    def as_table(self) -> dict[str, object]:
        """The form that goes into a box's table (docs/agent.md)."""
        if self.reboot:
            return {"text": self.text}
        sets = {name: sorted(getattr(self, name)) for name in _SET_NAMES}
        flags = {name: getattr(self, name) for name in ("days_starred", "weekdays_starred", "wildcard")}
        return {"text": self.text, **sets, **flags}


_SET_NAMES = ("minutes", "hours", "days", "months", "weekdays")


@dataclass(frozen=True, slots=True)
class Reading:
    """A schedule with everything about its text that is accepted but odd."""

    schedule: Schedule
    oddities: tuple[Oddity, ...] = ()


def parse_schedule(text: str) -> Schedule:
    """The schedule of five time fields or one `@keyword`, with blanks around or not. Raises FieldError."""
    return read_schedule(text).schedule


def read_schedule(text: str) -> Reading:
    """Like `parse_schedule`, with the oddities. Columns count in `text` as it is given."""
    outcome = _outcome(text)
    if isinstance(outcome, FieldError):
        raise outcome.with_traceback(None)
    return outcome


@lru_cache(maxsize=65536)
def _outcome(text: str) -> Reading | FieldError:
    """Refusals are remembered too: a file may have the same mistake in every line."""
    try:
        return _read(text)
    except FieldError as error:
        return error


def _read(text: str) -> Reading:
    tokens = list(_TOKEN.finditer(text))
    if tokens and tokens[0][0].startswith("@"):
        return _read_keyword(tokens)
    fields: list[_Read] = []
    oddities: list[Oddity] = []
    for index, field in enumerate(_FIELDS):
        if index >= len(tokens):
            raise FieldError(field.name, len(text.rstrip(" \t\n")) + 1, _too_few(index, field))
        token = tokens[index]
        read = _shifted(field.name, token[0], token.start())
        fields.append(read)
        oddities.extend(_moved(oddity, token.start()) for oddity in read.oddities)
        _refuse_eof_byte(field, tokens, index)
    if len(tokens) > len(_FIELDS):
        raise FieldError(
            FieldName.WEEKDAY, tokens[5].start() + 1, "five time fields are enough, this is a sixth"
        )
    return Reading(_schedule(fields), tuple(oddities))


def _too_few(index: int, field: _Field) -> str:
    return f"the {field.name} field is missing: {index} of 5 time fields are here"


def _refuse_eof_byte(field: _Field, tokens: list[re.Match[str]], index: int) -> None:
    """cron takes a byte 0xFF where the next field should begin for the end of the file (signed `char`)."""
    if index + 1 < len(tokens) and tokens[index + 1][0].startswith(EOF_BYTE):
        raise FieldError(
            field.name,
            tokens[index + 1].start() + 1,
            "cron meets the end of the file here, or a byte 0xFF, which is the same to it",
        )


def _shifted(name: FieldName, text: str, offset: int) -> _Read:
    try:
        return read_field(name, text)
    except FieldError as error:
        raise FieldError(error.field, error.column + offset, error.message, hint=error.hint) from None


def _moved(oddity: Oddity, offset: int) -> Oddity:
    return Oddity(oddity.kind, oddity.field, oddity.column + offset, oddity.text)


def _schedule(fields: list[_Read]) -> Schedule:
    minute, hour, day, month, weekday = fields
    return Schedule(
        text=" ".join(field.clean for field in fields),
        minutes=minute.values,
        hours=hour.values,
        days=day.values,
        months=month.values,
        weekdays=frozenset(value % 7 for value in weekday.values),
        days_starred=day.starred,
        weekdays_starred=weekday.starred,
        wildcard=minute.starred or hour.starred,
    )


# ---------------------------------------------------------------------------------------- @keywords

KEYWORDS = {
    "reboot": "@reboot",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
    "monthly": "0 0 1 * *",
    "weekly": "0 0 * * 0",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "hourly": "0 * * * *",
}
"""What stands behind each `@keyword` (`entry.c:116`). cron knows them in lower case only."""

_NEVER = frozenset[int]()
REBOOT = Schedule("@reboot", _NEVER, _NEVER, _NEVER, _NEVER, _NEVER, False, False, False, reboot=True)


def _read_keyword(tokens: list[re.Match[str]]) -> Reading:
    name = tokens[0][0][1:]
    if name not in KEYWORDS or len(tokens) > 1:
        known = " ".join(f"@{keyword}" for keyword in KEYWORDS)
        word = " ".join(token[0] for token in tokens)
        raise FieldError(
            FieldName.KEYWORD, tokens[0].start() + 1, f"cron does not know {word}", hint=f"one of {known}"
        )
    if name == "reboot":
        return Reading(REBOOT)
    schedule = parse_schedule(KEYWORDS[name])
    if schedule.text == "0 0 * * *":
        schedule = replace(schedule, days_starred=False, weekdays_starred=False)
    return Reading(schedule)


# ------------------------------------------------------------------------------------------- fields


@dataclass(frozen=True, slots=True)
class _Field:
    name: FieldName
    low: int
    high: int
    names: tuple[str, ...] = ()


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS = (
    _Field(FieldName.MINUTE, 0, 59),
    _Field(FieldName.HOUR, 0, 23),
    _Field(FieldName.DAY, 1, 31),
    _Field(FieldName.MONTH, 1, 12, _MONTHS),
    _Field(FieldName.WEEKDAY, 0, 7, _WEEKDAYS),
)
_BY_NAME = {field.name: field for field in _FIELDS}
EOF_BYTE = "\udcff"
"""The byte 0xFF as a surrogate escape."""
_TOKEN = re.compile(r"[^ \t\n]+")
_ALNUM = re.compile(r"[0-9A-Za-z]*")
_CYCLES = {FieldName.MINUTE: 60, FieldName.HOUR: 24, FieldName.MONTH: 12, FieldName.WEEKDAY: 7}
"""How many values come round. A month has no fixed number of days, so no step fits them."""


@dataclass(frozen=True, slots=True)
class _Read:
    values: frozenset[int]
    starred: bool
    clean: str
    oddities: tuple[Oddity, ...]


@lru_cache(maxsize=16384)
def read_field(name: FieldName, text: str) -> _Read:
    """One field. `text` holds no blanks and no newline. Raises FieldError with the column in `text`."""
    return _FieldReader(_BY_NAME[name], text).read()


class _FieldReader:
    """Walks over the text of one field, the way `get_list` does."""

    def __init__(self, field: _Field, text: str) -> None:
        self.field = field
        self.text = text
        self.at = 0
        self.values: set[int] = set()
        self.clean: list[str] = []
        self.oddities: list[Oddity] = []

    def read(self) -> _Read:
        self._element()
        while self._next_is(","):
            self.at += 1
            self._element()
        if self.at < len(self.text):
            if self.text[self.at] == EOF_BYTE:
                raise self._error(
                    "cron meets the end of the file here, or a byte 0xFF, which is the same to it"
                )
            self._odd(OddityKind.JUNK, self.at, self.text[self.at :])
        starred = self.text.startswith("*")
        return _Read(frozenset(self.values), starred, ",".join(self.clean), tuple(self.oddities))

    def _element(self) -> None:
        start = self.at
        if self._next_is("*"):
            self.at += 1
            first, last, clean = self.field.low, self.field.high, "*"
        else:
            first, clean = self._value()
            if not self._next_is("-"):
                return self._single(first, clean)
            self.at += 1
            last, clean_last = self._value()
            clean = f"{clean}-{clean_last}"
        step = self._step(start, first, last)
        self._add_range(start, first, last, step or 1)
        self.clean.append(f"{clean}/{step}" if step else clean)

    def _single(self, value: int, clean: str) -> None:
        if self._next_is("/"):
            hint = f"write {clean}-{self.field.high}{self.text[self.at :]} or */N"
            raise self._error("a step needs * or a range before it", hint=hint)
        if not self.field.low <= value <= self.field.high:
            raise self._out_of_range(clean)
        self.values.add(value)
        self.clean.append(clean)

    def _step(self, start: int, first: int, last: int) -> int | None:
        if not self._next_is("/"):
            return None
        self.at += 1
        token = self._token("a step")
        if not token.isdecimal():
            raise self._error(f"the step {token!r} is not a number", back=len(token))
        step = _atoi(token)
        if step <= 0:
            raise self._error(
                f"cron reads the step {token[:24]} as {step}, and a step is at least 1", back=len(token)
            )
        self._judge_step(start, first, last, step, token)
        return step

    def _judge_step(self, start: int, first: int, last: int, step: int, token: str) -> None:
        cycle = _CYCLES.get(self.field.name, 0)
        whole = first == self.field.low and last in (self.field.high, self.field.low + cycle - 1)
        span = min(last - first, cycle - 1) if cycle else last - first
        if len(token) > 4:
            self._odd(OddityKind.OVERFLOW, self.at - len(token), token)
        elif step > span > 0:
            self._odd(OddityKind.STEP_TOO_LARGE, start, self.text[start : self.at])
        elif whole and step > 1 and (not cycle or cycle % step):
            self._odd(OddityKind.STEP_UNEVEN, start, self.text[start : self.at])

    def _add_range(self, start: int, first: int, last: int, step: int) -> None:
        text = self.text[start : self.at]
        if not (self.field.low <= first <= self.field.high and self.field.low <= last <= self.field.high):
            raise self._out_of_range(text)
        if first > last:
            self._odd(OddityKind.REVERSED, start, text)
        elif first + step > _INT_MAX:
            raise self._error(f"cron's arithmetic overflows with the step {step}", back=len(text))
        self.values.update(range(first, last + 1, step))

    def _value(self) -> tuple[int, str]:
        token = self._token(f"a {self.field.name}")
        name = token.lower()
        if name in self.field.names:
            return self.field.names.index(name) + self.field.low, name
        if not token.isdecimal():
            raise self._error(
                f"{token!r} is not a {self.field.name}", back=len(token), hint=self._name_hint(name)
            )
        value = _atoi(token)
        if len(token) > 4:
            self._odd(OddityKind.OVERFLOW, self.at - len(token), token)
        return value, str(value)

    def _name_hint(self, name: str) -> str:
        if name[:3] in self.field.names:
            return f"cron knows names of three letters: {name[:3]}"
        return f"write {self.field.low} to {self.field.high}" + (
            " or a name of three letters" if self.field.names else ""
        )

    def _token(self, what: str) -> str:
        found = _ALNUM.match(self.text, self.at)
        token = found[0] if found else ""
        if not token:
            seen = f"{self.text[self.at]!r} is" if self.at < len(self.text) else "nothing stands"
            raise self._error(f"{seen} where {what} should be")
        if len(token) > LONGEST_TOKEN:
            raise self._error(f"a number or name has at most {LONGEST_TOKEN} characters")
        self.at += len(token)
        if self._next_is(EOF_BYTE):
            raise self._error("cron meets the end of the file here, or a byte 0xFF, which is the same to it")
        return token

    def _next_is(self, char: str) -> bool:
        return self.text.startswith(char, self.at)

    def _odd(self, kind: OddityKind, at: int, text: str) -> None:
        self.oddities.append(Oddity(kind, self.field.name, at + 1, text))

    def _out_of_range(self, text: str) -> FieldError:
        message = f"{text[:24]} is outside {self.field.low}-{self.field.high}"
        return self._error(message, back=len(text))

    def _error(self, message: str, *, back: int = 0, hint: str = "") -> FieldError:
        return FieldError(
            self.field.name, max(self.at - back, 0) + 1, f"{self.field.name}: {message}", hint=hint
        )


_INT_MAX = 2**31 - 1
_LONG_MAX = 2**63 - 1


def _atoi(digits: str) -> int:
    """C's `atoi` on amd64: saturates at 64 bits, then keeps the low 32 as a signed number."""
    return (min(int(digits), _LONG_MAX) + 2**31) % 2**32 - 2**31
