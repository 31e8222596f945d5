"""Images of other schedulers: cronbox needs Debian in a box, for its cron."""

from __future__ import annotations

import re

from cronbox.model.importing.draft import Notes, Place

_NO_DEBIAN = re.compile(
    r"alpine|busybox|distroless|wolfi|chainguard|scratch|ubi[0-9]|centos|fedora|rockylinux|almalinux|amazonlinux"
    r"|oraclelinux|windows|nixos|archlinux|opensuse",
    re.IGNORECASE,
)


def image_settings(image: str, place: Place, notes: Notes) -> str | None:
    """The image to start a box from, or None where Debian's own has to do; either is told."""
    if _NO_DEBIAN.search(image):
        todo = (
            "install what the job needs with `apt`, `pip` or a `dockerfile`, or name a Debian variant of it"
        )
        notes.left_out(place, f"the image {image} is not Debian, so the box starts from Debian's", todo)
        return None
    if not image.isprintable() or not image.strip() or "$" in image:
        notes.left_out(place, f"the image {image!r} is no name of an image", "set base_image of the box")
        return None
    todo = "see that it is Debian or a child of it: the box's cron is installed with apt"
    notes.check(place, f"the box starts from {image}", todo)
    return image
