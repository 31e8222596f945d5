"""The command line. `main` is its only entry, and the only place where a CronboxError ends.

The modules beside this one hold the commands, one module for each group of nouns. What a command needs
beyond the terminal (engine, store, config) is imported where it is used, so that `--help`, `check` and
completion start fast.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

import typer
from typer.exceptions import Abort, TyperException

from cronbox import __version__
from cronbox.cli import backfill, boxes, check, jobs, logs, next, project, results, run, runs
from cronbox.cli.context import Opener, Project, open_project
from cronbox.cli.fail import INTERRUPTED, print_error, print_usage_error
from cronbox.errors import CronboxError

app = typer.Typer(
    name="cronbox",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for room in (boxes, jobs, next, check, run, backfill, runs, results, logs, project):
    app.add_typer(room.app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"cronbox {__version__}")
        raise typer.Exit


@app.callback()
def cronbox(
    ctx: typer.Context,
    config: str | None = typer.Option(
        None, "-C", "--config", envvar="CRONBOX_CONFIG", metavar="FILE", help="config.toml, or its folder."
    ),
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=_print_version, help="Print the version and end."
    ),
) -> None:
    """Cron jobs in Docker containers, with every run on record."""
    opener = ctx.obj if callable(ctx.obj) else open_project
    ctx.obj = Project(config, opener)


def main() -> None:
    """The `cronbox` command: runs it and ends the process with its exit code."""
    sys.exit(invoke(sys.argv[1:]))


def invoke(argv: Sequence[str], *, opener: Opener = open_project) -> int:
    """Run one command line -> its exit code. Every error of ours is told on stderr in one line."""
    command = typer.main.get_command(app)
    _take_any_bytes()
    try:
        code = command.main(list(argv), prog_name="cronbox", standalone_mode=False, obj=opener)
        sys.stdout.flush()
    except CronboxError as error:
        print_error(error)
        return error.exit_code
    except TyperException as error:
        return print_usage_error(error)
    except (Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        _hush_stdout()
        return 0
    except OSError as error:
        print_error(_in_our_words(error))
        return CronboxError.exit_code
    return code if isinstance(code, int) else 0


def _take_any_bytes() -> None:
    """What a job printed must come out byte for byte, whatever the locale says."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _in_our_words(error: OSError) -> CronboxError:
    """What the operating system refused, such as a file that may not be read."""
    where = f"{error.filename}: " if error.filename else ""
    return CronboxError(f"{where}{error.strerror or error}")


def _hush_stdout() -> None:
    """The reader of our output has gone (`| head`): let nothing more be written at exit.

    Source: https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
