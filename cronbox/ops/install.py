"""Put a box's crontabs into the box, as one bundle through one exec."""

from __future__ import annotations

import json
from dataclasses import dataclass

import structlog

from cronbox.config import BoxConfig
from cronbox.engine import AGENT
from cronbox.errors import EngineError
from cronbox.model.expected import Meant
from cronbox.model.render import Bundle
from cronbox.ops import Site
from cronbox.ops.crontabs import BoxCrontabs, bundle_of, read_crontabs
from cronbox.ops.facts import facts_of
from cronbox.ops.secrets import deliver, refuse

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Installed:
    """What an install came to: the bundle's digest, and whether the box had another one before."""

    box: str
    digest: str
    changed: bool


def install(site: Site, box: BoxConfig, container: str) -> Installed:
    """Install the box's crontabs as one bundle, verified in the box; its secrets come first, so that no job
    starts without. Raises CrontabRefused, and then what is installed goes on; SecretsRefused after the rest
    is done."""
    crontabs = read_crontabs(site.config, box, facts_of(site.engine, container))
    bundle = bundle_of(box, crontabs)
    remember(site, box, bundle, crontabs)
    problems = deliver(site, box, container)
    result = site.engine.exec(container, [*AGENT, "install"], stdin=bundle.to_json())
    if result.exit_code != 0:
        said = result.stderr.decode(errors="replace").strip()
        raise EngineError(f"{box.name}: the crontab could not be installed: {said}")
    site.store.set_installed(box.name, bundle.digest)
    changed = bool(json.loads(result.stdout)["changed"])
    if changed:
        log.info("crontab_installed", box=box.name, digest=bundle.digest, jobs=len(crontabs.jobs))
    refuse(box.name, problems)
    return Installed(box.name, bundle.digest, changed)


def remember(site: Site, box: BoxConfig, bundle: Bundle, crontabs: BoxCrontabs) -> None:
    """Keep what a bundle's digest means, so that the watch knows which slots to expect once it is loaded."""
    meant = [
        Meant(job.name, job.schedule.text, job.policy.grace, job.delay, job.policy.max_runtime)
        for job in crontabs.jobs
    ]
    site.store.know_bundle(box.name, bundle.digest, meant, zone=box.section.timezone, at=site.now())
