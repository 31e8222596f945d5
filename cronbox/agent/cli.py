"""The agent's verbs. Each imports only what it needs: `serve` stays in memory while the box lives."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from .paths import Paths

USAGE = "usage: cronbox-agent serve | install | installed | follow SEQ | send | secrets | status"


def main() -> NoReturn:
    """Run the verb on the command line in this box, and exit."""
    from .paths import Paths

    sys.exit(run(sys.argv[1:], Paths()))


def run(argv: list[str], paths: Paths) -> int:
    """Run a verb -> its exit code: 0 done, 1 it could not, 2 wrong use."""
    match argv:
        case ["serve"]:
            return _serve(paths)
        case ["install"]:
            return _install(paths)
        case ["installed"]:
            return _installed(paths)
        case ["follow", seq] if seq.isdecimal():
            return _follow(paths, int(seq))
        case ["send"]:
            return _send(paths)
        case ["secrets"]:
            return _secrets(paths)
        case ["status"]:
            return _status(paths)
        case _:
            return _fail(USAGE, 2)


def _serve(paths: Paths) -> int:
    from .serve import serve

    try:
        serve(paths)
    except OSError as error:
        return _fail(f"cannot serve: {error}")
    return 0


def _install(paths: Paths) -> int:
    from .install import NotInstalled, install, read_bundle

    try:
        bundle = read_bundle(sys.stdin.buffer.read())
        changed = install(paths, bundle)
    except NotInstalled as error:
        return _fail(str(error))
    print(json.dumps({"digest": bundle.digest, "changed": changed}))
    return 0


def _installed(paths: Paths) -> int:
    from .install import installed

    print(json.dumps(installed(paths)._asdict()))
    return 0


def _follow(paths: Paths, after: int) -> int:
    from .follow import follow

    try:
        follow(paths, after, stdin=sys.stdin.fileno(), stdout=sys.stdout.fileno())
    except BrokenPipeError:
        return 0
    except (OSError, ValueError, KeyError) as error:
        return _fail(f"cannot follow: {error}")
    return 0


def _send(paths: Paths) -> int:
    from .send import NotSent, read_command, send

    try:
        send(paths, read_command(sys.stdin.buffer.read()))
    except NotSent as error:
        return _fail(str(error))
    return 0


def _secrets(paths: Paths) -> int:
    from .secrets import BadSecrets, keep

    try:
        changed = keep(paths, sys.stdin.buffer.read())
    except (BadSecrets, OSError, ValueError) as error:
        return _fail(str(error))
    print(json.dumps({"changed": changed}))
    return 0


def _status(paths: Paths) -> int:
    try:
        with open(paths.status, encoding="utf-8") as file:
            sys.stdout.write(file.read())
    except OSError as error:
        return _fail(f"no status: {error}")
    return 0


def _fail(reason: str, code: int = 1) -> int:
    print(reason, file=sys.stderr)
    return code
