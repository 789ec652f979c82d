"""Phone numbers as people write them."""

import pytest

from slotkeeper.outbox.channels.phones import E164, as_e164


@pytest.mark.parametrize(
    ("text", "region", "number"),
    [
        ("0171 1234567", "DE", "+491711234567"),
        ("0171/123 45 67", "DE", "+491711234567"),
        ("(0171) 123-4567", "de", "+491711234567"),
        ("+49 171 1234567", None, "+491711234567"),
        ("+49 171 1234567", "US", "+491711234567"),
        ("+49 (0)171 1234567", "US", "+491711234567"),
        ("0049 171 1234567", "DE", "+491711234567"),
        ("011 49 171 1234567", "US", "+491711234567"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("06 12 34 56 78", "FR", "+33612345678"),
        ("07911 123456", "GB", "+447911123456"),
        ("347 123 4567", "IT", "+393471234567"),
        ("＋４９ １７１ １２３４５６７", None, "+491711234567"),
        (" +49 171 1234567 ", "DE", "+491711234567"),
        ("tel:+49-171-1234567", "DE", "+491711234567"),
    ],
)
def test_a_number_is_understood_as_it_is_dialled_in_its_country(text, region, number):
    assert as_e164(text, region) == number
    assert E164.fullmatch(number)


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "none", "ask at the desk", "12", "110", "112", "0171", "0171 123456789012345", "+999 171 1234567",
        "0171 1234567 ext. 12", "0900 1 234567", "0171 1234567\nBcc: 0172", "0171\x001234567", "9" * 500, "+" * 30,
        "0171 1234567, 0172 7654321", "0171 1234567;0172 7654321", "٠١٧", "🎉", "\ud800",
    ],
)  # fmt: skip
def test_what_no_message_can_go_to_is_no_number(text):
    assert as_e164(text, "DE") is None


@pytest.mark.parametrize("region", [None, "", "ZZ", "Germany", "D\n"])
def test_without_a_country_only_a_number_with_its_code_is_understood(region):
    assert as_e164("0171 1234567", region) is None
    assert as_e164("+49 171 1234567", region) == "+491711234567"
