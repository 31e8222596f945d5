"""The command `notify`: whether notifications reach people, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cronbox.cli import show
from cronbox.cli.args import Count, Json
from cronbox.cli.context import site_of
from cronbox.errors import NotFound, NotSent

if TYPE_CHECKING:
    from datetime import datetime

    from cronbox.ops import Site
    from cronbox.ops.targets import Target
    from cronbox.store import Delivery

app = typer.Typer()
PANEL = "Runs"
DEFAULT_COUNT = 50


@app.command(rich_help_panel=PANEL)
def notify(
    ctx: typer.Context,
    action: Annotated[
        Literal["test", "log"],
        typer.Argument(metavar="[ACTION]", help="test: send a message now. log: what was sent, or waits."),
    ] = "log",
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One target of config.toml; else all.")
    ] = None,
    number: Count = DEFAULT_COUNT,
    json: Json = False,
) -> None:
    """Send a test message to a target of config.toml, or list what was sent and what waits (test, log)."""
    site = site_of(ctx)
    _known(site, name, test=action == "test")
    if action == "test":
        _test(site, name, json)
        return
    deliveries = site.store.deliveries(target=name, limit=number or DEFAULT_COUNT)
    if json:
        show.as_json([delivery.as_json() for delivery in deliveries])
    elif not deliveries:
        typer.echo("Nothing was sent yet, and nothing waits.")
    else:
        _print(deliveries, site.now())


def _known(site: Site, name: str | None, *, test: bool) -> None:
    """Raises NotFound for a target that there is not, or that has no message to send."""
    names = sorted(key for key, it in _targets(site).items() if not (test and it.pings))
    if (name is not None and name not in names) or (test and not names):
        what = f"no target {name!r}" if name else "no target"
        known = f"targets: {', '.join(names)}" if names else "docs/notify.md says how to write one"
        raise NotFound(f"{what} in {site.config.path}", hint=known)


def _targets(site: Site) -> dict[str, Target]:
    from cronbox.ops.targets import targets_of

    return targets_of(site.config)


def _test(site: Site, name: str | None, json: bool) -> None:
    """Ends with 1 if a message did not go out."""
    answers = []
    for target in _targets(site).values():
        if not target.pings and name in (None, target.name):
            answers.append(_tried(target))
            if not json:
                level = "ok" if answers[-1]["sent"] else "fail"
                show.verdict(level, f"{target.name}: {answers[-1]['error'] or 'sent'}")
    if json:
        show.as_json(answers)
    raise typer.Exit(0 if all(answer["sent"] for answer in answers) else 1)


def _tried(target: Target) -> dict[str, object]:
    from cronbox.ops.notify import send_test

    try:
        send_test(target)
    except NotSent as error:
        return {"target": target.name, "sent": False, "error": error.message}
    return {"target": target.name, "sent": True, "error": None}


def _print(deliveries: Sequence[Delivery], now: datetime) -> None:
    columns = [show.Column("ID"), show.Column("WHEN"), show.Column("TARGET", keep=10), show.Column("STATE")]
    columns += [show.Column("TRIES", right=True), show.Column("WHAT", keep=20), show.Column("ERROR", keep=12)]
    show.table(columns, (_row(delivery, now) for delivery in deliveries))


def _row(delivery: Delivery, now: datetime) -> tuple[str, ...]:
    notice = delivery.notice
    return (
        str(delivery.pk),
        show.age(notice.at, now=now),
        notice.target,
        delivery.state,
        str(delivery.attempts),
        notice.title or notice.kind,
        delivery.error or show.NOTHING,
    )
