"""The only wiring: config + engine + store + clock = a Site."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cronbox.locate import find_config
from cronbox.ops import Site

if TYPE_CHECKING:
    from cronbox.config import Config
    from cronbox.engine import Engine
    from cronbox.store import Store


def utc_now() -> datetime:
    """The one function that reads the clock; aware UTC."""
    return datetime.now(UTC)


def open_site(config_path: str | None) -> Site:
    """The project of the config named, or found from the working directory. Nothing is connected yet."""
    from cronbox.config import load_config

    return site_of(load_config(find_config(config_path)))


def site_of(config: Config) -> Site:
    """The SDKs of engine and database are imported at first use: they are half of a command's start."""

    def connect() -> Engine:
        from cronbox.engine.docker import DockerEngine

        return DockerEngine.connect(config.file.cronbox.docker_url)

    def open_store() -> Store:
        from cronbox.store import Store

        store = Store.open(config.database_url)
        store.upgrade()
        return store

    return Site(config, connect=connect, open_store=open_store, now=utc_now)
