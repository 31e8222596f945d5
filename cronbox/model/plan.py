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
class Replace:
    """The container is not as wanted."""

    spec: BoxSpec
    seen: SeenBox


@dataclass(frozen=True, slots=True)
class Remove:
    """Nobody wants the container."""

    box: str
    seen: SeenBox


@dataclass(frozen=True, slots=True)
class Drain:
    """The container runs and must go: have it start nothing more, and when nothing runs, do `then`."""

    then: Replace | Remove

    @property
    def seen(self) -> SeenBox:
        return self.then.seen


Action = Create | Start | Drain | Replace | Remove


def plan(
    wanted: Mapping[str, BoxSpec],
    seen: Sequence[SeenBox],
    *,
    draining: frozenset[str] = frozenset(),
    unwanted: frozenset[str] = frozenset(),
) -> Iterator[Action]:
    """What turns the seen boxes into the wanted ones; nothing at all when they are equal.

    A box that is `draining` starts no job any more, so it has to go even if it is as wanted by now. A box in
    `unwanted` is removed; one that is neither wanted nor unwanted is left alone, so that a folder that is
    missing for a moment stops nobody's jobs. One that the engine has paused cannot be told to drain, so it is
    replaced when it goes on. One that an engine has half removed cannot be started, so it is replaced, too.
    """
    at_hand = {box.box: box for box in seen}
    for name, spec in wanted.items():
        if (box := at_hand.get(name)) is None:
            yield Create(spec)
        elif box.frozen:
            continue
        elif box.digest != spec.digest or name in draining or box.half_removed:
            yield _gently(Replace(spec, box))
        elif box.state in ("created", "exited"):
            yield Start(spec, box)
    for name in sorted(unwanted & at_hand.keys()):
        yield _gently(Remove(name, at_hand[name]))


def _gently(action: Replace | Remove) -> Action:
    return Drain(action) if action.seen.running else action
