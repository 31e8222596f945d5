"""Releases: the built images of a box, numbered. The engine's labels are their only record."""

from __future__ import annotations

from cronbox.config import BoxConfig
from cronbox.engine import Image, Progress
from cronbox.ops import Site
from cronbox.ops.wanted import recipe_of


def ensure_release(site: Site, box: BoxConfig, progress: Progress) -> Image:
    """The newest release made from the box's present recipe, built now if there is none."""
    recipe = recipe_of(site.config, box)
    releases = site.engine.images(site.project, box.name)
    for image in releases:
        if image.recipe == recipe.digest:
            return image
    number = max((image.release for image in releases), default=0) + 1
    site.engine.ensure_image(recipe.base_image, progress)
    return site.engine.build(recipe, project=site.project, box=box.name, release=number, progress=progress)
