"""An Engine in memory. tests/engine/test_contract.py holds it to what the real one does.

Beyond the Protocol it lets a test arrange what a real engine cannot be told: `down`, `crash`, `script`.
"""

from __future__ import annotations

import itertools
import json
import queue
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Generic, Self, TypeVar

from cronbox.engine import EngineAction, EngineEvent, EngineInfo, ExecResult, Image, Progress, Size
from cronbox.errors import BoxNotRunning, EngineError, NoEngine, NotFound
from cronbox.model.box import BoxSpec, Recipe, SeenBox

T = TypeVar("T")
Answer = Callable[["FakeBox", bytes], ExecResult]
"""What a scripted command does: it gets the box and its stdin."""

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class FakeStream(Generic[T]):
    """Stream[T], fed by the engine."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[T | None] = queue.SimpleQueue()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        item = None if self._closed else self._waiting.get()
        if item is None:
            self._closed = True
            raise StopIteration
        return item

    def feed(self, item: T) -> None:
        self._waiting.put(item)

    def close(self) -> None:
        self._waiting.put(None)


@dataclass
class FakeBox:
    """A container. `files` is its /log volume, which it shares with the box's next container."""

    spec: BoxSpec
    seen: SeenBox
    files: dict[str, bytes]
    followers: list[tuple[int, FakeStream[bytes]]] = field(default_factory=list)
    jammed: bool = False

    def append_log(self, data: bytes) -> None:
        """What the agent writes: whole JSON lines, or anything a test wants to see in `cron.log`."""
        self.files["cron.log"] = self.files.get("cron.log", b"") + data
        for after, stream in self.followers:
            _feed_lines(stream, data, after)

    def hang_up(self) -> None:
        for _, stream in self.followers:
            stream.close()
        self.followers.clear()


class FakeEngine:
    """Boxes and images in memory; each call fails with NoEngine while `down` is set."""

    def __init__(self, *, base_images: Sequence[str] = ("debian:bookworm-slim",)) -> None:
        self.down = False
        self.now = EPOCH
        self.base_images = {name: f"sha256:{secrets.token_hex(32)}" for name in base_images}
        self.containers: dict[str, FakeBox] = {}
        self.volumes: dict[tuple[str, str], dict[str, bytes]] = {}
        self.executed: list[tuple[str, tuple[str, ...], bytes]] = []
        """(box, command, stdin) of every exec, in order."""
        self._images: list[tuple[str, Image]] = []
        self._scripts: list[tuple[tuple[str, ...], Answer]] = [
            (("test",), lambda box, stdin: ExecResult(0, b"", b"")),
            (("true",), lambda box, stdin: ExecResult(0, b"", b"")),
            (("false",), lambda box, stdin: ExecResult(1, b"", b"")),
            (("cat",), lambda box, stdin: ExecResult(0, stdin, b"")),
            (("tee", "-a", "/log/cron.log"), _append),
        ]
        self._listeners: list[tuple[str, FakeStream[EngineEvent]]] = []
        self._serial = itertools.count(1)

    # -- what only a test can do ---------------------------------------------------------------------------

    def script(self, argv: Sequence[str], answer: Answer | ExecResult) -> None:
        """From now on, commands that begin with `argv` are answered so. The latest script wins."""
        act = answer if callable(answer) else lambda box, stdin: answer
        self._scripts.insert(0, (tuple(argv), act))

    def append_log(self, container: str, data: bytes) -> None:
        self._box(container).append_log(data)

    def crash(self, container: str, *, exit_code: int = 137, oom: bool = False) -> None:
        """The box dies by itself, and stays down."""
        if oom:
            self._tell(container, "oom")
        self._end(container, exit_code, oom=oom)

    def half_remove(self, container: str) -> None:
        """The engine died while it removed the box; it has come back."""
        self._end(container, 137)
        self._box(container).seen = replace(self._box(container).seen, state="dead")

    def jam(self, container: str) -> None:
        """The engine died while it started the box; it has come back, and cannot start it."""
        self._box(container).jammed = True

    def go_away(self) -> None:
        """The engine stops answering: streams end, calls fail."""
        self.down = True
        for box in self.containers.values():
            box.hang_up()
        for _, stream in self._listeners:
            stream.close()

    # -- Engine --------------------------------------------------------------------------------------------

    def info(self) -> EngineInfo:
        self._answer()
        return EngineInfo(version="fake", os="memory", cpus=2, memory=8 << 30, now=self.now)

    def ensure_image(self, reference: str, progress: Progress) -> str:
        self._answer()
        if reference not in self.base_images:
            raise NotFound(f"cannot get image {reference}: there is no such image")
        return self.base_images[reference]

    def build(self, recipe: Recipe, *, project: str, box: str, release: int, progress: Progress) -> Image:
        self._answer()
        progress(f"building {box} release {release}")
        tag, made_at = f"cronbox/{project}-{box}:{release}", self.now + timedelta(seconds=next(self._serial))
        identity = f"sha256:{secrets.token_hex(32)}"
        image = Image(identity, box, release, recipe.digest, tag, size=1 << 20, created_at=made_at)
        self._images = [(p, i) for p, i in self._images if i.tag != tag] + [(project, image)]
        return image

    def images(self, project: str, box: str | None = None) -> list[Image]:
        self._answer()
        found = [image for of, image in self._images if of == project and box in (None, image.box)]
        return sorted(found, key=lambda image: (-image.release, image.box))

    def remove_image(self, image: Image) -> None:
        self._answer()
        if any(box.seen.image == image.id for box in self.containers.values()):
            raise EngineError(f"cannot remove image {image.tag}: a container uses it")
        self._images = [(project, kept) for project, kept in self._images if kept.tag != image.tag]

    def boxes(self, project: str) -> list[SeenBox]:
        self._answer()
        found = [box.seen for box in self.containers.values() if box.spec.project == project]
        return sorted(found, key=lambda box: box.box)

    def inspect(self, container: str) -> dict[str, object]:
        self._answer()
        box = self._box(container)
        env = sorted(name for name, _ in box.spec.env)
        return {"State": {"Status": box.seen.state}, "Config": {"Env": env}, "Mounts": []}

    def sizes(self, project: str) -> dict[str, Size]:
        return {box.box: Size(written=4096, image=120_000_000) for box in self.boxes(project)}

    def create(self, spec: BoxSpec) -> str:
        self._answer()
        if any(box.spec.name == spec.name for box in self.containers.values()):
            raise EngineError(f"cannot create box {spec.box}: its name is taken")
        container = secrets.token_hex(32)
        files = self.volumes.setdefault((spec.project, spec.box), {})
        seen = SeenBox(spec.box, container, "created", spec.digest, spec.release, spec.image)
        self.containers[container] = FakeBox(spec, seen, files)
        return container

    def start(self, container: str) -> None:
        self._answer()
        box = self._box(container)
        if box.seen.running:
            return
        if box.seen.half_removed:
            raise EngineError("cannot start the box: container is marked for removal and cannot be started")
        if box.jammed:
            raise EngineError(f"cannot start the box: task {container}: already exists")
        started = self.now.isoformat()
        box.seen = replace(box.seen, state="running", exit_code=None, oom_killed=False, started_at=started)
        self._tell(container, "start")

    def stop(self, container: str, *, timeout: int) -> None:
        self._answer()
        if self._box(container).seen.running:
            self._end(container, 0)

    def remove(self, container: str) -> None:
        self._answer()
        if container not in self.containers:
            return
        if self._box(container).seen.running:
            self._end(container, 137)
        self._tell(container, "destroy")
        del self.containers[container]

    def remove_volumes(self, project: str, box: str) -> None:
        self._answer()
        if any((used.spec.project, used.spec.box) == (project, box) for used in self.containers.values()):
            raise EngineError(f"cannot remove the volumes of box {box}: a container uses them")
        self.volumes.pop((project, box), None)

    def exec(
        self, container: str, argv: Sequence[str], *, stdin: bytes = b"", user: str = "root"
    ) -> ExecResult:
        box = self._running(container)
        self.executed.append((box.spec.box, tuple(argv), stdin))
        for prefix, answer in self._scripts:
            if tuple(argv[: len(prefix)]) == prefix:
                return answer(box, stdin)
        return ExecResult(126, b"", f"{argv[0]}: nobody scripted this".encode())

    def stream(self, container: str, argv: Sequence[str]) -> FakeStream[bytes]:
        """`follow SEQ` as the agent does it; `tail -n +1 -f /log/cron.log`; anything else prints nothing."""
        box, stream = self._running(container), FakeStream[bytes]()
        content, after = box.files.get("cron.log", b""), 0
        if argv[-2] == "follow":
            after = int(argv[-1])
            stream.feed(_head(content))
        box.followers.append((after, stream))
        _feed_lines(stream, content, after)
        return stream

    def read_log(self, container: str) -> Iterator[tuple[str, bytes]]:
        self._answer()
        if self._box(container).seen.half_removed:
            raise NotFound(f"cannot read the log: no /log in container {container}")
        files = self._box(container).files.items()
        return iter(
            sorted(files, key=lambda file: (file[0] == "cron.log", file[0].startswith("cron-"), file[0]))
        )

    def events(self, project: str) -> FakeStream[EngineEvent]:
        self._answer()
        stream = FakeStream[EngineEvent]()
        self._listeners.append((project, stream))
        return stream

    def interactive(
        self, container: str, argv: Sequence[str], *, user: str = "root", tty: bool = False
    ) -> int:
        return self.exec(container, argv, user=user).exit_code

    # -- inside --------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        if self.down:
            raise NoEngine("the fake engine is down")

    def _box(self, container: str) -> FakeBox:
        if container not in self.containers:
            raise NotFound(f"no such container: {container}")
        return self.containers[container]

    def _running(self, container: str) -> FakeBox:
        self._answer()
        box = self._box(container)
        if not box.seen.running:
            raise BoxNotRunning(f"box {box.spec.box} is not running")
        return box

    def _end(self, container: str, exit_code: int, *, oom: bool = False) -> None:
        box = self._box(container)
        box.seen = replace(box.seen, state="exited", exit_code=exit_code, oom_killed=oom)
        box.hang_up()
        self._tell(container, "die", exit_code)

    def _tell(self, container: str, action: EngineAction, exit_code: int | None = None) -> None:
        spec = self._box(container).spec
        event = EngineEvent(self.now, spec.box, container, action, exit_code)
        for project, stream in self._listeners:
            if project == spec.project:
                stream.feed(event)


def _append(box: FakeBox, stdin: bytes) -> ExecResult:
    box.append_log(stdin)
    return ExecResult(0, stdin, b"")


def _seq(line: bytes) -> int:
    return int(json.loads(line).get("seq", 0))


def _head(content: bytes) -> bytes:
    lines = content.splitlines() or [b'{"seq": 0}']
    log_id = json.loads(lines[0]).get("log_id", "fake-log")
    head = {"log_id": log_id, "first_seq": _seq(lines[0]), "last_seq": _seq(lines[-1])}
    return json.dumps(head).encode() + b"\n"


def _feed_lines(stream: FakeStream[bytes], data: bytes, after: int) -> None:
    for line in data.splitlines(keepends=True):
        if after == 0 or _seq(line) > after:
            stream.feed(line)
