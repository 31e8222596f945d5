from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.web.browser import Browser


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A person with a browser, and a project beside it with one box that is up."""
    with a_browser(tmp_path) as at_work:
        yield at_work


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The same for tests that change nothing; there is a run, `run-1`."""
    with a_browser(tmp_path_factory.mktemp("still")) as at_work:
        at_work.ran("run-1")
        yield at_work


@contextmanager
def a_browser(root: Path) -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.delenv("CRONBOX_CONFIG", raising=False)
        at_work = Browser(root)
        try:
            yield at_work
        finally:
            at_work.leave()
