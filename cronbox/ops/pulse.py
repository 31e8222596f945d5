"""How the daemon of this process is, for who asks from outside."""

from __future__ import annotations

import time
from dataclasses import dataclass

WELL_S = 30.0
"""How long after its last look at the boxes a daemon still counts as well."""


@dataclass(slots=True)
class Pulse:
    """Whether it leads, and when it looked at all boxes last. One thread writes, others read."""

    leads: bool = False
    _looked_at: float | None = None

    def looked(self) -> None:
        """It has just seen to all boxes."""
        self._looked_at = time.monotonic()

    @property
    def age_s(self) -> float | None:
        """Seconds since it looked; None before the first time."""
        return None if self._looked_at is None else time.monotonic() - self._looked_at

    @property
    def well(self) -> bool:
        """Whether it does its work."""
        return self.age_s is not None and self.age_s < WELL_S
