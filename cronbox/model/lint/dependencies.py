"""Rules about what jobs of one box mean to each other: `after`, and places in a group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cronbox.model import values
from cronbox.model.crontab import Crontab, Entry
from cronbox.model.directives import Directives, Word, parse_directives
from cronbox.model.lint.context import BoxFacts, Finding
from cronbox.model.naming import unique_names

AFTER, GROUP = "after", "group"


@dataclass(frozen=True, slots=True)
class _Placed:
    """An entry with the name it has in its box."""

    crontab: Crontab
    entry: Entry
    directives: Directives

    def word(self, key: str) -> Word:
        return next(word for word in self.directives.words if word.key == key)

    def finding(self, key: str, code: str, message: str, hint: str) -> tuple[Crontab, Finding]:
        word = self.word(key)
        return self.crontab, Finding(word.line, word.value_column, code, message, hint)


def about_each_other(
    placed: Sequence[tuple[Crontab, Entry]], facts: BoxFacts
) -> Iterator[tuple[Crontab, Finding]]:
    """All rules of this room; boxes whose jobs name nobody cost nothing."""
    with_words = [(c, e, parse_directives(e.directives)) for c, e in placed if e.directives]
    if not any(AFTER in d.settings or GROUP in d.settings for _, _, d in with_words):
        return
    found = [_Placed(crontab, entry, parse_directives(entry.directives)) for crontab, entry in placed]
    names = unique_names([(one.directives.name, one.entry.command) for one in found])
    jobs = dict(zip(names, found, strict=True))
    yield from _unknown(jobs)
    yield from _circles(jobs)
    yield from _groups(jobs, facts)


def _after(job: _Placed) -> tuple[str, ...]:
    text = job.directives.settings.get(AFTER)
    return values.names(text) if text else ()


def _unknown(jobs: Mapping[str, _Placed]) -> Iterator[tuple[Crontab, Finding]]:
    """A job can only wait for one that has slots."""
    for job in jobs.values():
        for name in _after(job):
            if name not in jobs:
                hint = f"the jobs of this box are: {' '.join(sorted(jobs)[:20])}"
                yield job.finding(AFTER, "CB605", f"this box has no job {name!r}", hint)
            elif jobs[name].entry.schedule.reboot:
                message = f"{name} is started with the box and has no slots"
                yield job.finding(AFTER, "CB605", message, "wait for a job with time fields")


def _circles(jobs: Mapping[str, _Placed]) -> Iterator[tuple[Crontab, Finding]]:
    """Each circle is told once, at its first job in the order of the files."""
    done: set[str] = set()
    for name in jobs:
        circle = _circle(name, jobs)
        if circle and not done & set(circle):
            done |= set(circle)
            path = " -> ".join((*circle, name))
            message = f"these jobs wait for each other: {path}"
            yield jobs[name].finding(AFTER, "CB606", message, "let one of them wait for none of the others")


def _circle(start: str, jobs: Mapping[str, _Placed]) -> tuple[str, ...]:
    """The jobs from `start` back to it, each waiting for the next; empty if there is no way back."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in _after(jobs[way[-1]]):
            if name == start:
                return way
            if name in jobs and name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()


def _groups(jobs: Mapping[str, _Placed], facts: BoxFacts) -> Iterator[tuple[Crontab, Finding]]:
    """A group without a limit holds nobody back."""
    for job in jobs.values() if facts.groups is not None else ():
        group = job.directives.settings.get(GROUP)
        if group and group != "none" and group not in (facts.groups or ()):
            message = f"the box has no group {group!r}, so it limits nothing"
            hint = f"write `groups = {{ {group} = 1 }}` under the box in config.toml"
            yield job.finding(GROUP, "CB607", message, hint)
