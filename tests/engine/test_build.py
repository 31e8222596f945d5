"""How an image comes to be: what is generated, and what the engine makes of it."""

from __future__ import annotations

import tarfile

import pytest

from cronbox.engine.docker_build import Lines, steps
from cronbox.errors import EngineError
from tests.engine.conftest import Workshop, a_recipe

OWN = b"""\
ARG CRONBOX_BASE
FROM ${CRONBOX_BASE}
COPY note /etc/note
USER etl
ENTRYPOINT []
CMD ["sleep", "1"]
"""


def dockerfiles(**changes: object) -> list[str]:
    """The Dockerfile of each step, as the engine gets it."""
    texts = []
    for step in steps(a_recipe(**changes)):
        with tarfile.open(fileobj=step.context()) as tar:
            member = tar.extractfile(step.dockerfile)
            assert member is not None
            texts.append(member.read().decode())
    return texts


def test_equal_recipes_give_equal_contexts() -> None:
    recipe = a_recipe(apt=("jq",), pip=b"requests\n", users=("etl",))
    first, second = ([step.context().read() for step in steps(recipe)] for _ in range(2))
    assert first == second


def test_without_additions_there_are_only_base_and_entry_point() -> None:
    assert [step.title for step in steps(a_recipe())] == ["base image", "entry point"]


def test_the_last_step_gives_pid_1_back_to_the_agent() -> None:
    last = dockerfiles(dockerfile="Dockerfile", context=(("Dockerfile", 0o644, OWN),))[-1]
    assert "USER root\n" in last
    assert 'ENTRYPOINT ["/usr/bin/python3", "-IS", "/usr/lib/cronbox", "serve"]\n' in last


def test_names_reach_the_shell_as_arguments_only() -> None:
    additions = dockerfiles(apt=("jq", "libpq5=15.1-1~deb12"), users=("etl",))[1]
    assert '"apt", "jq", "libpq5=15.1-1~deb12"]' in additions
    assert '"users", "etl"]' in additions


@pytest.mark.parametrize("name", ["", "-y", "Jq", "a b", "a;b", "$(id)", "jq=", "a\nb", "cron-", "jq=1;id"])
def test_what_is_no_package_name_is_refused(name: str) -> None:
    with pytest.raises(EngineError, match="is not the name of a Debian package"):
        steps(a_recipe(apt=(name,)))


@pytest.mark.parametrize("name", ["", "-r", "Etl", "a b", "x" * 33, "etl;id", "0etl"])
def test_what_is_no_user_name_is_refused(name: str) -> None:
    with pytest.raises(EngineError, match="is not the name of a user"):
        steps(a_recipe(users=(name,)))


def test_output_that_comes_in_pieces_is_told_in_lines_without_colours() -> None:
    lines = Lines()
    told = [
        line for piece in ("a", "b\n\n10%\r90%\nc", "\x1b[91mwarn\x1b[0m\n") for line in lines.feed(piece)
    ]
    assert told == ["ab", "90%", "cwarn"]


@pytest.mark.engine
def test_packages_users_requirements_and_an_own_dockerfile_are_in_the_image(real: Workshop) -> None:
    context = (("box.Dockerfile", 0o644, OWN), ("note", 0o600, b"mine\n"))
    recipe = a_recipe(
        users=("etl",), pip=b"# nothing to download\n", dockerfile="box.Dockerfile", context=context
    )
    told: list[str] = []
    image = real.build(recipe, release=5, progress=told.append)
    container = real.running(image=image.id)
    script = (
        "cat /etc/note; id -un; which python3; python3 -c 'import sys; print(sys.prefix)'; getent shadow etl"
    )
    shown = real.engine.exec(container, ["sh", "-c", script]).stdout.decode().splitlines()
    assert shown[:4] == ["mine", "root", "/opt/venv/bin/python3", "/opt/venv"]
    assert shown[4].startswith("etl:!")
    assert [line for line in told if line.startswith("[")] == [
        "[1/4] base image",
        "[2/4] packages and users",
        "[3/4] own box.Dockerfile",
        "[4/4] entry point",
    ]
    assert (image.release, image.recipe) == (5, recipe.digest)


@pytest.mark.engine
def test_a_build_that_fails_tells_its_step_and_its_last_lines(real: Workshop) -> None:
    own = b"ARG CRONBOX_BASE\nFROM ${CRONBOX_BASE}\nRUN echo the cause; exit 9\n"
    with pytest.raises(EngineError, match="own Dockerfile") as failure:
        real.build(a_recipe(dockerfile="Dockerfile", context=(("Dockerfile", 0o644, own),)), release=6)
    assert "the cause" in failure.value.problems
