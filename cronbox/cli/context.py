"""What every command works on: the project that `-C`, CRONBOX_CONFIG or the working directory names."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, cast

import typer

from cronbox.errors import ConfigError

if TYPE_CHECKING:
    from cronbox.config import Config
    from cronbox.ops import Site

Opener = Callable[["str | None"], "Site"]
"""Turns the config that was named, or None, into a Site."""


def open_project(named: str | None) -> Site:
    """The opener of the real command; everything heavy is imported here."""
    from cronbox.app import open_site

    return open_site(named)


class Project:
    """The project of this command, opened at first use: `check FILE` must work where there is none."""

    def __init__(self, named: str | None, opener: Opener) -> None:
        self.named = named
        self._opener = opener

    @cached_property
    def site(self) -> Site:
        """Raises ConfigError."""
        log_to_stderr("critical")
        return self._opener(self.named)

    @cached_property
    def config(self) -> Config:
        """The config alone: no engine, no store. Raises ConfigError."""
        from cronbox.config import find_config, load_config

        return load_config(find_config(self.named))

    def config_if_any(self) -> Config | None:
        """The config alone, or None where there is no project. Raises ConfigError for an invalid one."""
        from cronbox.locate import find_config

        try:
            path = find_config(self.named)
        except ConfigError:
            return None
        from cronbox.config import load_config

        return load_config(path)


def project_of(ctx: typer.Context) -> Project:
    return cast(Project, ctx.find_root().obj)


def site_of(ctx: typer.Context) -> Site:
    return project_of(ctx).site


def log_to_stderr(level: str) -> None:
    """Send our log to stderr as `key=value` lines, or readable ones on a terminal; nothing under `level`.

    Libraries' logs follow, but for their everyday news. A command that a person waits for says by itself
    what went wrong, so it takes the level `critical`.
    """
    import structlog

    threshold = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(stream=sys.stderr, level=max(threshold, logging.WARNING), force=True)
    renderer = (
        structlog.dev.ConsoleRenderer(colors=not os.environ.get("NO_COLOR"))
        if sys.stderr.isatty()
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
