"""The database. This package is the only place that knows SQL.

`Store` opens it and answers questions. What is written together with a box's cursor goes through the rooms
`runs`, `outputs`, `cursors`, `boxes`, `pauses`, `incidents`, `targets` and `outbox`, inside one
`Store.transaction`.
"""

from cronbox.store.boxes import BoxState
from cronbox.store.cursors import Cursor
from cronbox.store.incidents import Incident
from cronbox.store.leases import Leader
from cronbox.store.outbox import Delivery
from cronbox.store.outputs import OutputLine
from cronbox.store.pauses import Pause
from cronbox.store.pruning import Keeping, Old
from cronbox.store.runs import RunFilter
from cronbox.store.soundness import Soundness
from cronbox.store.store import Store

__all__ = [
    "BoxState",
    "Cursor",
    "Delivery",
    "Incident",
    "Keeping",
    "Leader",
    "Old",
    "OutputLine",
    "Pause",
    "RunFilter",
    "Soundness",
    "Store",
]
