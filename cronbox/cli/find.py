"""Find what an argument names in the history, brought up to date first where no daemon does that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cronbox.cli.fail import note
from cronbox.errors import CronboxError, NotFound

if TYPE_CHECKING:
    from cronbox.model.run import Run
    from cronbox.ops import Site


def up_to_date(site: Site, box: str | None) -> None:
    """Take in what the logs of a box, or of all, hold beyond the store, if no daemon does so.

    What stands in the store is worth showing also where that fails, so a failure is only told. Raises
    StoreError where the store cannot even be opened.
    """
    from cronbox.ops.catchup import catch_up

    _ = site.store
    try:
        catch_up(site, [box] if box else None)
    except CronboxError as error:
        note(f"not up to date: {error.message}")


def find_run(site: Site, prefix: str) -> Run:
    """The run of this id, or whose id begins so. Raises NotFound, or UsageError where several do."""
    try:
        found = site.store.run(prefix)
    except NotFound:
        up_to_date(site, None)
        return site.store.run(prefix)
    if found.status.is_open:
        up_to_date(site, found.box)
        found = site.store.run(found.id)
    return found


def check_known(site: Site, box: str, job: str | None) -> None:
    """Raises NotFound for a name that neither the config nor the history has."""
    from cronbox.ops.runs import check_job

    ran = site.store.last_runs(box)
    if job is None and not ran:
        site.config.box(box)
    if job is not None and job not in ran:
        check_job(site, box, job)
