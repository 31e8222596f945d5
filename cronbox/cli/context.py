"""What every command works on: the project that `-C`, CRONBOX_CONFIG or the working directory names."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from cronbox.errors import ConfigError
from cronbox.locate import concerns, find_config, lint_table

if TYPE_CHECKING:
    from cronbox.config import Config
    from cronbox.model.lint import Selection
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
        from cronbox.config import load_config

        return load_config(find_config(self.named))

    def config_if_any(self) -> Config | None:
        """The config alone, or None where there is no project. Raises ConfigError for an invalid one."""
        return self.config if self._config_path() else None

    def config_for(self, paths: Sequence[Path]) -> Config | None:
        """The config if these crontabs may be its boxes', else None. Raises ConfigError."""
        path = self._config_path()
        return self.config if path and concerns(path, paths) else None

    def selection(self, config: Config | None) -> Selection:
        """What `[lint]` says; read by itself where the rest of the config has no say. Raises ConfigError."""
        from cronbox.model.lint import EVERY_RULE, read_selection

        path = self._config_path()
        if path is None:
            return EVERY_RULE
        try:
            return config.selection if config else read_selection(lint_table(path))
        except (OSError, ValueError):
            return self.config.selection

    def _config_path(self) -> Path | None:
        try:
            return find_config(self.named)
        except ConfigError:
            return None


def project_of(ctx: typer.Context) -> Project:
    return cast(Project, ctx.find_root().obj)


def site_of(ctx: typer.Context) -> Site:
    return project_of(ctx).site


def log_to_stderr(level: str) -> None:
    """Send our log to stderr as `key=value` lines, or readable ones on a terminal; nothing under `level`.

    Libraries' logs follow, but for their everyday news. A command that a person waits for says by itself
    what went wrong, so it takes the level `critical`.
    """
    import logging

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
