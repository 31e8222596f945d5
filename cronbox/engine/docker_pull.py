"""Getting an image that is not there yet."""

from __future__ import annotations

from docker.api import APIClient
from docker.errors import APIError

from cronbox.engine import Progress
from cronbox.engine.docker_errors import explanation, translated


def pull(api: APIClient, reference: str, progress: Progress) -> str:
    """Pull, telling each layer's states once. Returns why it failed, or nothing."""
    progress(f"pulling {reference}")
    told: dict[str, str] = {}
    failure = ""
    with translated(f"cannot pull {reference}"):
        try:
            for message in api.pull(reference, stream=True, decode=True):
                failure = str(message.get("error", failure))
                _tell(message, told, progress)
        except APIError as refused:
            return explanation(refused)
    return failure


def _tell(message: dict[str, str], told: dict[str, str], progress: Progress) -> None:
    layer, status = message.get("id", ""), message.get("status", "")
    if status and told.get(layer) != status:
        told[layer] = status
        progress(f"{layer}: {status}" if layer else status)
