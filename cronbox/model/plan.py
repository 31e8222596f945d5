"""Decide what to do to the boxes, as data: `plan(wanted, seen) -> actions`. ops/reconcile.py does it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cronbox.model.box import BoxSpec, SeenBox


@dataclass(frozen=True, slots=True)
class Create:
    """There is no container of this box: make one and start it."""

    spec: BoxSpec


@dataclass(frozen=True, slots=True)
class Start:
    """The container is as wanted, and stands still."""

    spec: BoxSpec
    seen: SeenBox


@dataclass(frozen=True, slots=True)
class Drain:
    """The container must go, and jobs run in it: start nothing more, wait for their ends."""

    box: str
    seen: SeenBox


@dataclass(frozen=True, slots=True)
class Replace:
    """The container is not as wanted, and nothing runs in it."""

    spec: BoxSpec
    seen: SeenBox


@dataclass(frozen=True, slots=True)
class Remove:
    """Nobody wants the container, and nothing runs in it."""

    box: str
    seen: SeenBox


Action = Create | Start | Drain | Replace | Remove


def plan(
    wanted: Mapping[str, BoxSpec],
    seen: Sequence[SeenBox],
    *,
    busy: frozenset[str] = frozenset(),
    draining: frozenset[str] = frozenset(),
    unwanted: frozenset[str] = frozenset(),
) -> Iterator[Action]:
    """What turns the seen boxes into the wanted ones; nothing at all when they are equal.

    Jobs run in the boxes that are `busy`. One that is `draining` starts no job any more, so it has to go
    even if it is as wanted by now. A box in `unwanted` is removed; one that is neither wanted nor unwanted
    is left alone, so that a folder that is missing for a moment stops nobody's jobs.
    """
    at_hand = {box.box: box for box in seen}
    for name, spec in wanted.items():
        if (box := at_hand.get(name)) is None:
            yield Create(spec)
        elif box.digest != spec.digest or (box.running and name in draining):
            yield Drain(name, box) if box.running and name in busy else Replace(spec, box)
        elif box.state in ("created", "exited", "dead"):
            yield Start(spec, box)
    for name in sorted(unwanted & at_hand.keys()):
        box = at_hand[name]
        yield Drain(name, box) if box.running and name in busy else Remove(name, box)
