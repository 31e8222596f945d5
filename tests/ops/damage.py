"""A box's log on a disk, read by the agent's own reader through a stream, and all that can befall both."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from cronbox.agent.follow import Reader, bounds
from cronbox.agent.log import Log
from cronbox.engine import AGENT
from cronbox.ops.tail import Tail, read_stopped
from cronbox.store import Store
from tests.fakes.engine import FakeEngine, FakeStream
from tests.ops.boxlog import NOON

FAR = 10**6

FOREIGN = (
    b"",
    b"nonsense",
    b"\0" * 300,
    b"\xff\xfe\0\xd8",
    b"[" * 50_000,
    b'{"seq":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    b"null",
    b'"text"',
    b"[1,2]",
    b"{}",
    b'{"seq":' + b"9" * 5000 + b',"t":"2026-01-01T00:00:00Z","type":"tick"}',
    b'{"seq":99999999999999999999,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":-5,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":0,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":2.0,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":"3","t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":true,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":NaN,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":1e400,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":null,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":2,"seq":1,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"x"}',
    b'{"seq":1,"t":"2026-01-01T00:00:00Z","type":"boot","boot_id":"other","log_id":"other"}',
    b'{"seq":1,"t":5,"type":"boot"}',
    b'{"seq":1,"t":"soon","type":"boot"}',
    b'{"seq":1,"t":"0001-01-01T00:00:00+23:59","type":"boot"}',
    b'{"seq":1,"t":"2026-01-01T00:00:00","type":["boot"]}',
    b'{"seq":1}',
    b'{"seq":3,"t":"2026-01-01T00:00:00Z","type":"tick"',
    b'{"seq":7,"t":"2026-01-01T00:0',
    b"x" * 200_000,
    b'{"seq":4,"text":"' + b"y" * 200_000,
)

PIECES = st.lists(st.integers(0, 10_000), max_size=6)
BEFALLS = st.sampled_from(["drop", "repeat", "swap", "end", "kill", "none"])
LINK = st.tuples(PIECES, BEFALLS, st.integers(0, 9))
"""What becomes of one stream: where it is cut, and what befalls its pieces."""

DISK = st.one_of(
    st.tuples(st.just("write"), st.integers(1, 12)),
    st.tuples(st.just("write"), st.integers(1, 40)),
    st.tuples(st.just("foreign"), st.integers(0, len(FOREIGN) - 1)),
    st.tuples(st.just("repeat"), st.integers(0, 100)),
    st.tuples(st.just("far"), st.just(0)),
    st.tuples(st.just("lose"), st.integers(1, 4)),
    st.tuples(st.just("every second"), st.integers(1, 6)),
    st.tuples(st.just("garble"), st.integers(0, 300)),
    st.tuples(st.just("torn"), st.integers(1, 300)),
    st.tuples(st.just("torn and repaired"), st.integers(1, 300)),
    st.tuples(st.just("rotate"), st.just(0)),
    st.tuples(st.just("segment gone"), st.integers(0, 9)),
)
READ = st.one_of(
    st.tuples(st.just("follow"), st.lists(LINK, max_size=3)),
    st.tuples(st.just("stopped"), st.just([])),
    st.tuples(st.just("reopen"), st.just([])),
)
STEPS = st.lists(st.one_of(DISK, DISK, READ), max_size=14)


class Killed(BaseException):
    """The daemon died at this moment."""


@dataclass
class Disk:
    """The folder /log. `lines` are those of the true log; the first `written` of them have had their turn."""

    folder: Path
    lines: list[bytes]
    written: int = 0
    lost: set[int] = field(default_factory=set)
    """Numbers that never stood readable in any file."""
    loose: set[int] = field(default_factory=set)
    """Numbers that stood in a file that is gone: they were read in time, or not."""
    far: int = FAR

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.active.touch()

    @property
    def active(self) -> Path:
        return self.folder / "cron.log"

    def befall(self, kind: str, amount: int) -> None:
        match kind:
            case "write":
                self.append(b"".join(self._next(amount)))
            case "foreign":
                self.append(FOREIGN[amount] + b"\n")
            case "repeat" if self.written:
                line = self.lines[amount % self.written]
                if self._seq(line) not in self.lost | self.loose:
                    self.append(line)
            case "far":
                self.far += 7
                self.append(b'{"seq":%d,"t":"2026-01-01T00:00:00Z","type":"tick"}\n' % self.far)
            case "lose":
                self._lose(self._next(amount))
            case "every second":
                for _ in range(amount):
                    self._lose(self._next(1))
                    self.append(b"".join(self._next(1)))
            case "garble" if line := b"".join(self._next(1)):
                self._lose([line])
                place = amount % (len(line) - 1)
                self.append(line[:place] + b"\0\xff" + line[place + 2 : -1].replace(b"}", b"]") + b"\n")
            case "torn" if line := b"".join(self._next(1)):
                self._lose([line])
                self.append(line[: amount % (len(line) - 2) or 1] + b"".join(self._spoilt()))
            case "torn and repaired" if self.written < len(self.lines):
                line = self.lines[self.written]
                self.append(line[: amount % len(line) or 1].rstrip(b"\n"))
                Log(str(self.folder), segment=1 << 20, total=1 << 30).close()
            case "rotate":
                self._rotate()
            case "segment gone" if files := sorted(self.folder.glob("cron-*.log"))[1:]:
                self._forget(files[amount % len(files)])

    def append(self, data: bytes) -> None:
        with self.active.open("ab") as file:
            file.write(data)

    def finish(self) -> None:
        """What is left of the log, whole."""
        self.befall("write", len(self.lines))

    def seqs(self) -> set[int]:
        return {self._seq(line) for line in self.lines}

    def _next(self, number: int) -> list[bytes]:
        """The boot at the very beginning is never lost, nor are the boot and the ticks at the end."""
        taken = self.lines[self.written : self.written + number]
        self.written += len(taken)
        return taken

    def _lose(self, lines: Sequence[bytes]) -> None:
        self.lost |= {self._seq(line) for line in lines}

    def _spoilt(self) -> list[bytes]:
        """A line that is written onto half a one is lost with it."""
        spoilt = self._next(1)
        self._lose(spoilt)
        return [*spoilt] if spoilt else [b"\n"]

    def _rotate(self) -> None:
        content = self.active.read_bytes()
        first = next((seq for seq in map(self._seq, content.split(b"\n")) if 0 < seq < FAR), None)
        segment = self.folder / f"cron-{first or 0:016d}.log"
        if first is not None and not segment.exists() and content.endswith(b"\n"):
            self.active.rename(segment)
            self.active.touch()

    def _forget(self, file: Path) -> None:
        true = set(self.lines) & set(file.read_bytes().splitlines(keepends=True))
        self.loose |= {self._seq(line) for line in true}
        file.unlink()

    @staticmethod
    def _seq(line: bytes) -> int:
        try:
            seq = json.loads(line)["seq"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return 0
        return seq if isinstance(seq, int) else 0


class DiskEngine(FakeEngine):
    """Gives streams of the agent's own reader over a disk; each as bad as `links` say, and in the end sound
    ones, after which `tired` is called."""

    def __init__(self, disk: Disk, log_id: str) -> None:
        super().__init__()
        self.disk = disk
        self.log_id = log_id
        self.links: list[tuple[list[int], str, int]] = []
        self.patience = 0
        self.tail: Tail | None = None
        self.opened = 0

    def stream(self, container: str, argv: Sequence[str]) -> FakeStream[bytes]:
        assert tuple(argv[:-2]) == AGENT
        self.opened += 1
        data = self._head() + self._printed(int(argv[-1]))
        bad = self.opened % 2 == 1 and self.links
        cuts, befalls, which = self.links.pop(0) if bad else ([], "none", 0)
        if not self.links:
            self.patience -= 1
        if self.patience <= 0 and self.tail is not None:
            self.tail.stop()
        pieces = _cut(data, cuts, whole=befalls in ("drop", "repeat", "swap"))
        return BadStream(_befallen(pieces, befalls, which), befalls == "kill")

    def read_log(self, container: str) -> Iterator[tuple[str, bytes]]:
        files = sorted(self.disk.folder.iterdir(), key=lambda file: (file.name == "cron.log", file.name))
        state = "state.json", json.dumps({"log_id": self.log_id}).encode()
        return iter([state, *((file.name, file.read_bytes()) for file in files)])

    def _head(self) -> bytes:
        first, last = bounds(str(self.disk.folder))
        return json.dumps({"log_id": self.log_id, "first_seq": first, "last_seq": last}).encode() + b"\n"

    def _printed(self, after: int) -> bytes:
        with closing(Reader(str(self.disk.folder), after)) as reader:
            return b"".join(iter(reader.read, b""))


class BadStream(FakeStream[bytes]):
    def __init__(self, pieces: Sequence[bytes], kills: bool) -> None:
        super().__init__()
        self._kills = kills
        for piece in pieces:
            self.feed(piece)
        self.close()

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except StopIteration:
            if self._kills:
                raise Killed from None
            raise


def _cut(data: bytes, cuts: Sequence[int], *, whole: bool) -> list[bytes]:
    """In pieces, of `whole` lines where some of them go: two halves could make a line that nobody wrote."""
    places = {cut % (len(data) + 1) for cut in cuts}
    if whole:
        places = {data.find(b"\n", place) + 1 for place in places}
    ends = sorted(places | {len(data)})
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _befallen(pieces: list[bytes], befalls: str, which: int) -> list[bytes]:
    place = which % len(pieces)
    match befalls:
        case "drop" if place:
            del pieces[place]
        case "repeat":
            pieces.insert(place, pieces[place])
        case "swap" if place:
            pieces[place - 1 : place + 1] = pieces[place - 1 : place + 1][::-1]
        case "end" | "kill":
            del pieces[place + 1 :]
    return pieces


def read(engine: DiskEngine, store: Store, links: list[tuple[list[int], str, int]]) -> None:
    """Follow the log to its end, over streams as bad as these; a daemon that dies is followed by another."""
    engine.links = list(links)
    while True:
        tail = engine.tail = Tail(engine, store, "etl", container="c", now=lambda: NOON, retry_s=0.0)
        engine.patience = 4 + 2 * len(engine.disk.lost | engine.disk.loose)
        try:
            tail.catch_up()
        except Killed:
            continue
        except Exception as error:
            if "it begins with" not in str(error):
                raise
            continue
        if not engine.links:
            return


def read_dead(engine: DiskEngine, store: Store) -> None:
    read_stopped(engine, store, "etl", container="c", now=lambda: NOON)
