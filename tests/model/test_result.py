"""What a job says about itself."""

from __future__ import annotations

import pytest

from cronbox.model.result import number_in, numbers_in


@pytest.mark.parametrize(
    ("value", "number"),
    [("5", 5.0), (" -1.5e3 ", -1500.0), (".5", 0.5), ("5.", 5.0), ("+7", 7.0), ("1e300", 1e300)],
)
def test_a_number_is_what_decimal_digits_write(value: str, number: float) -> None:
    assert number_in(value) == number


@pytest.mark.parametrize("value", ["", "nan", "inf", "1e999", "1_000", "0x1f", "٣", "5 rows", "1,5"])
def test_anything_else_is_a_text(value: str) -> None:
    assert number_in(value) is None


def test_the_numbers_of_a_result_keep_their_names() -> None:
    assert numbers_in({"rows": "5", "message": "fine"}) == {"rows": 5.0}
