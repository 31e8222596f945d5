"""Secrets come from their sources into the box, and nowhere else."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cronbox.config import load_config
from cronbox.engine import AGENT
from cronbox.errors import SecretsRefused
from cronbox.ops import Site
from cronbox.ops.reconcile import reconcile
from cronbox.ops.secrets import MOST_BYTES_IN_A_VARIABLE, Found, find, secret_files
from cronbox.store import Store
from tests.fakes.agent import FakeAgent
from tests.fakes.engine import EPOCH, FakeEngine

PRINT_A_COUNT = """
import pathlib
asked = pathlib.Path("asked")
asked.open("a").write("x")
print("answer-%d" % len(asked.read_text()))
"""


class Works:
    """A project with one box, on an engine in memory."""

    def __init__(self, root: Path, store: Store) -> None:
        self.root = root
        self.now = EPOCH
        self.engine = FakeEngine()
        self.agent = FakeAgent(self.engine, now=EPOCH)
        (root / "crontabs" / "etl").mkdir(parents=True)
        self.crontab("# cronbox: name=load\n* * * * * root true\n")
        self.configure("")
        self.site = Site(
            load_config(root / "config.toml"),
            connect=lambda: self.engine,
            open_store=lambda: store,
            now=lambda: self.now,
        )

    def configure(self, secrets: str) -> None:
        table = f"[boxes.etl.secrets]\n{secrets}\n" if secrets else ""
        (self.root / "config.toml").write_text(f'[cronbox]\nproject = "works"\n[boxes.etl]\n{table}')

    def crontab(self, text: str) -> None:
        (self.root / "crontabs" / "etl" / "jobs").write_text(text)

    def tick(self) -> Any:
        """A pass as the daemon makes it -> what failed in the box, if anything did."""
        self.site.config = load_config(self.root / "config.toml")
        done = reconcile(self.site, self.site.config.boxes.values(), lambda line: None)
        return done.failures.get("etl")

    def find(self) -> Found:
        return find(load_config(self.root / "config.toml").box("etl"), {})

    @property
    def handed(self) -> int:
        """How often the agent was given secrets."""
        verb = (*AGENT, "secrets")
        return sum(argv == verb for _, argv, _ in self.engine.executed)


@pytest.fixture
def works(tmp_path: Path, store: Store) -> Works:
    return Works(tmp_path, store)


def a_command(code: str) -> str:
    return f"A = {{ command = [{sys.executable!r}, '-c', '''{code}'''] }}"


def test_values_come_from_a_file_the_environment_and_a_command(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_OF_B", "from-env")
    (works.root / "a").write_text("from-file\n")
    works.configure(
        "A = { file = 'a' }\nB = { env = 'SOURCE_OF_B' }\nC = { command = ['printf', 'from-command\\r\\n'] }"
    )
    assert works.tick() is None
    assert works.agent.secrets == {"A": "from-file", "B": "from-env", "C": "from-command"}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"one\n", b"one"),
        (b"one\r\n", b"one"),
        (b"one", b"one"),
        (b"one\r", b"one\r"),
        (b" one \n\n", b" one \n\n"),
        (b"-----BEGIN-----\nx\n-----END-----\n", b"-----BEGIN-----\nx\n-----END-----\n"),
    ],
)
def test_a_single_line_loses_its_newline_and_a_key_of_several_stays_whole(
    works: Works, raw: bytes, value: bytes
) -> None:
    (works.root / "a").write_bytes(raw)
    works.configure("A = { file = 'a' }")
    assert works.find().values == {"A": value}


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("A = { file = 'none' }", "boxes.etl.secrets.A.file: no file {root}/none"),
        ("A = { file = 'crontabs' }", "boxes.etl.secrets.A.file: no file {root}/crontabs"),
        ("A = { file = 'empty' }", "boxes.etl.secrets.A.file: is empty"),
        (
            "A = { env = 'NO_SUCH' }",
            "boxes.etl.secrets.A.env: no variable NO_SUCH in cronbox's own environment",
        ),
        ("A = { command = ['false'] }", "boxes.etl.secrets.A.command: false ended with exit code 1"),
        (
            "A = { command = ['no-such-program'] }",
            "boxes.etl.secrets.A.command: cannot run no-such-program: No such file or directory",
        ),
        (
            "A = { file = 'zero', variable = true }",
            "boxes.etl.secrets.A.file: has a zero byte, which no variable can hold",
        ),
        (
            "A = { file = 'long', variable = true }",
            f"boxes.etl.secrets.A.file: is longer than {MOST_BYTES_IN_A_VARIABLE} bytes",
        ),
    ],
)
def test_a_source_that_gives_nothing_is_told_with_its_keys_path(
    works: Works, secret: str, problem: str
) -> None:
    (works.root / "empty").write_text("\n")
    (works.root / "zero").write_bytes(b"a\0b")
    (works.root / "long").write_bytes(b"x" * (MOST_BYTES_IN_A_VARIABLE + 1))
    works.configure(secret)
    assert works.find().problems == [problem.format(root=works.root)]


def test_what_a_command_says_when_it_fails_is_in_no_message(works: Works) -> None:
    works.configure(a_command('import sys; print("hunter2"); sys.exit("hunter2")'))
    failure = works.tick()
    assert "hunter2" not in failure.in_full()
    assert failure.problems == (f"boxes.etl.secrets.A.command: {sys.executable} ended with exit code 1",)


def test_no_shell_looks_at_a_command(works: Works) -> None:
    works.configure("A = { command = ['echo', '$HOME; id'] }")
    assert works.find().values == {"A": b"$HOME; id"}


def test_values_go_through_stdin_alone(works: Works) -> None:
    (works.root / "a").write_text("hunter2")
    works.configure("A = { file = 'a', variable = true }")
    works.tick()
    assert [argv[-1] for _, argv, stdin in works.engine.executed if b"hunter2" in stdin] == ["secrets"]
    assert not any("hunter2" in word for _, argv, _ in works.engine.executed for word in argv)
    assert not any("hunter2" in repr(box.spec) for box in works.engine.containers.values())


def test_secrets_are_in_the_box_before_its_crontab_is(works: Works) -> None:
    (works.root / "a").write_text("hunter2")
    works.configure("A = { file = 'a' }")
    works.tick()
    verbs = [argv[-1] for _, argv, _ in works.engine.executed if argv[:3] == AGENT]
    assert verbs.index("secrets") < verbs.index("install")


def test_a_changed_file_is_in_the_same_box_after_the_next_tick(works: Works) -> None:
    (works.root / "a").write_text("hunter2")
    works.configure("A = { file = 'a' }")
    works.tick()
    [container] = works.engine.containers
    (works.root / "a").write_text("hunter3")
    assert works.tick() is None
    assert works.agent.secrets == {"A": "hunter3"}
    assert list(works.engine.containers) == [container]


def test_unchanged_secrets_cost_nothing_but_a_look_every_few_minutes(works: Works) -> None:
    (works.root / "a").write_text("hunter2")
    works.configure("A = { file = 'a' }")
    for _ in range(5):
        works.tick()
    assert works.handed == 1
    works.agent.secrets = {"A": "somebody else's"}
    works.now += timedelta(minutes=5)
    works.tick()
    assert (works.handed, works.agent.secrets) == (2, {"A": "hunter2"})


def test_a_box_without_secrets_is_never_asked(works: Works) -> None:
    for _ in range(3):
        works.tick()
    assert works.handed == 0


def test_a_new_container_is_given_them_again(works: Works) -> None:
    (works.root / "a").write_text("hunter2")
    works.configure("A = { file = 'a' }")
    works.tick()
    [container] = works.engine.containers
    works.engine.remove(container)
    works.tick()
    assert works.handed == 2


def test_a_command_is_asked_again_only_every_few_minutes(works: Works) -> None:
    works.configure(a_command(PRINT_A_COUNT))
    for _ in range(4):
        works.tick()
        works.now += timedelta(minutes=1)
    assert works.agent.secrets == {"A": "answer-1"}
    works.now += timedelta(minutes=1)
    works.tick()
    assert works.agent.secrets == {"A": "answer-2"}


def test_a_change_of_another_secret_does_not_put_the_next_asking_off(works: Works) -> None:
    works.configure(a_command(PRINT_A_COUNT) + "\nB = { file = 'b' }")
    for minute in range(6):
        (works.root / "b").write_text(f"value-{minute}")
        works.tick()
        works.now += timedelta(minutes=1)
    assert works.agent.secrets == {"A": "answer-2", "B": "value-5"}


def test_where_a_source_fails_the_old_value_goes_on_and_the_others_change(works: Works) -> None:
    for name in "ab":
        (works.root / name).write_text(f"{name}-old")
    works.configure("A = { file = 'a' }\nB = { file = 'b' }")
    assert works.tick() is None
    (works.root / "a").unlink()
    (works.root / "b").write_text("b-new")
    assert isinstance(works.tick(), SecretsRefused)
    assert works.agent.secrets == {"A": "a-old", "B": "b-new"}
    assert f"boxes.etl.secrets.A.file: no file {works.root}/a" in str(
        works.site.store.box_state("etl").problem
    )
    (works.root / "a").write_text("a-new")
    assert works.tick() is None
    assert works.agent.secrets == {"A": "a-new", "B": "b-new"}
    assert works.site.store.box_state("etl").problem is None


def test_a_failing_source_holds_no_crontab_back(works: Works) -> None:
    works.configure("A = { file = 'none' }")
    assert isinstance(works.tick(), SecretsRefused)
    works.crontab("# cronbox: name=other\n* * * * * root true\n")
    assert isinstance(works.tick(), SecretsRefused)
    assert works.agent.jobs == ("other",)


def test_a_refused_crontab_holds_no_secret_back(works: Works) -> None:
    (works.root / "a").write_text("hunter2")
    works.configure("A = { file = 'a' }")
    works.tick()
    works.crontab("61 * * * * root true\n")
    (works.root / "a").write_text("hunter3")
    assert works.tick() is not None
    assert works.agent.secrets == {"A": "hunter3"}


def test_a_secret_for_a_job_that_there_is_not_is_told(works: Works) -> None:
    works.configure("A = { command = ['echo', 'hunter2'], jobs = ['load', 'laod'] }")
    assert works.tick().problems == ("boxes.etl.secrets.A.jobs: no job 'laod' in crontabs/etl",)


def test_the_table_says_who_gets_what_and_holds_no_value(works: Works) -> None:
    (works.root / "a").write_text("hunter2")
    works.configure("A = { file = 'a', variable = true, jobs = ['load'] }")
    works.tick()
    [bundle] = [stdin for _, argv, stdin in works.engine.executed if argv[-1] == "install"]
    assert b'"secrets":[{"jobs":["load"],"name":"A","variable":true}]' in bundle
    assert b"hunter2" not in bundle


def test_files_that_can_be_read_are_there_to_be_watched(works: Works) -> None:
    (works.root / "a").write_text("hunter2")
    works.configure("A = { file = 'a' }\nB = { file = 'none' }\nC = { env = 'X' }")
    boxes = load_config(works.root / "config.toml").boxes.values()
    assert secret_files(boxes) == [works.root / "a"]


def test_the_folder_of_the_project_holds_no_value_but_its_source(works: Works) -> None:
    (works.root / "a").write_text("hunter2hunter2")
    works.configure("A = { file = 'a', variable = true }")
    works.tick()
    files = [file for file in works.root.rglob("*") if file.is_file()]
    assert [file.name for file in files if b"hunter2" in file.read_bytes()] == ["a"]
