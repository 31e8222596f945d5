"""docs/directives.md lists the keys there are, as the program knows them."""

from __future__ import annotations

from pathlib import Path

from cronbox.model.settings import KEYS

PAGE = Path(__file__).parents[2] / "docs" / "directives.md"


def _cell(text: str) -> str:
    """A cell of a table; a bar would end it."""
    return text.replace("|", "\\|")


def test_the_page_holds_the_program_s_own_table() -> None:
    rows = [
        f"| `{key.name}` | {_cell(key.type)} | {f'`{key.default}`' if key.default else ''} | {key.doc} |"
        for key in KEYS.values()
    ]
    assert "\n".join(rows) in PAGE.read_text()
