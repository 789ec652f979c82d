"""What is a picture, and what only says so."""

from functools import partial

import pytest

from pictures import jpeg, png, webp
from slotkeeper.rules.pictures import read_picture

WHOLE = [
    ("image/png", png), ("image/jpeg", jpeg), ("image/webp", webp),
    ("image/webp", partial(webp, kind=b"VP8L")), ("image/webp", partial(webp, kind=b"VP8 ")),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "make"), WHOLE)
@pytest.mark.parametrize("size", [(40, 20), (1, 1), (300, 2000), (2000, 3)])
def test_kind_and_size_come_from_the_content(kind, make, size):
    assert read_picture(make(*size)) == (kind, *size)


@pytest.mark.parametrize(("kind", "make"), WHOLE)
def test_no_part_of_a_picture_is_one(kind, make):
    whole = make()
    assert [length for length in range(len(whole)) if read_picture(whole[:length])] == []


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + b"\x00" * 40, b"%PDF-1.7", b"<!DOCTYPE html>",
        b"BM" + b"\x00" * 60, b"\x89PNG\r\n\x1a\n", png(0, 20), jpeg(40, 0), png() + b"<script>", webp() + b"\x00\x00",
        png().replace(b"IHDR", b"IHDX"), webp().replace(b"VP8X", b"ALPH"), jpeg().replace(b"\xff\xc2", b"\xff\xc4"),
        png()[:-20] + b"\x00" + png()[-19:],
    ],
)  # fmt: skip
def test_whatever_else_comes_is_none(content):
    assert read_picture(content) is None


def test_broken_pictures_are_refused_calmly():
    for make in (png, jpeg, webp):
        whole = make()
        for place in range(len(whole)):
            for byte in (0, 0xFF, whole[place] ^ 1):
                read_picture(whole[:place] + bytes([byte]) + whole[place + 1 :])
