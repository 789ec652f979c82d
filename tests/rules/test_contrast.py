"""Contrast as WCAG computes it, against values that others have published."""

import pytest

from slotkeeper.rules.contrast import Color, contrast, is_readable, mix, parse_color

BLACK, WHITE = Color(0, 0, 0), Color(255, 255, 255)


@pytest.mark.parametrize(
    ("color", "expected"), [(BLACK, 21), (WHITE, 1), (Color(0x76, 0x76, 0x76), 4.54), (Color(0xFF, 0, 0), 4.0)]
)
def test_contrast_with_white_is_the_published_one(color, expected):
    assert contrast(color, WHITE) == contrast(WHITE, color) == pytest.approx(expected, abs=0.005)


def test_text_must_be_readable_on_every_ground():
    grey = Color(0x76, 0x76, 0x76)
    assert is_readable(grey, WHITE)
    assert not is_readable(grey, WHITE, BLACK, Color(0xEE, 0xEE, 0xEE))


@pytest.mark.parametrize("text", ["", "red", "#fff", "#12345", "#1234567", "#12345g", "#123456\n", "１２３４５６"])
def test_what_is_no_color_is_none(text):
    assert parse_color(text) is None


def test_color_is_read_and_written_alike():
    assert str(parse_color("B5552B")) == "#b5552b"
    assert mix(BLACK, WHITE, 0.5) == Color(128, 128, 128)
