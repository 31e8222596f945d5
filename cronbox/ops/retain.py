"""Retention: history and images that are older than the config keeps are let go, in small batches."""

from __future__ import annotations

from datetime import timedelta

from cronbox.ops import Site

BATCH = 500


def retain(site: Site) -> int:
    """Delete the runs older than `[retention] runs_days`, with their output -> how many."""
    limit = site.now() - timedelta(days=site.config.file.retention.runs_days)
    gone = 0
    while batch := site.store.prune_runs(limit, batch=BATCH):
        gone += batch
    return gone


def retain_releases(site: Site) -> list[str]:
    """Remove each box's images past its `[retention] releases` newest, but for those in use -> their tags."""
    in_use = {box.image for box in site.engine.boxes(site.project)}
    gone = []
    for box in site.config.boxes:
        old = site.engine.images(site.project, box)[site.config.file.retention.releases :]
        for image in old:
            if image.id not in in_use:
                site.engine.remove_image(image)
                gone.append(image.tag)
    return gone
