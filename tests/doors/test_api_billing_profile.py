"""The billing settings over HTTP."""

import pytest

from asking import bad_names
from papers import complete_profile


def test_the_billing_settings_are_read_changed_and_never_tell_a_secret(cast):
    api = cast.api()
    before = api.get("/api/billing-profile").json()
    assert (before["legal_name"], before["payment_days"], before["has_stripe_key"]) == ("", 14, False)
    changed = api.put(
        "/api/billing-profile", {"iban": "de89 3704 0044 0532 0130 00", "default_tax_rate": "19", "version": 1}
    )
    assert changed.status_code == 200, changed.content
    assert (changed.json()["iban"], changed.json()["default_tax_rate"]) == ("DE89370400440532013000", "19.00")
    complete_profile(cast.owner.business, stripe_sealed_key="sealed")
    after = api.get("/api/billing-profile")
    assert after.json()["has_stripe_key"] is True
    assert "sealed" not in after.content.decode().replace("stripe_sealed", "")


def test_of_two_who_change_the_billing_settings_the_second_is_told(cast):
    api = cast.api()
    assert api.put("/api/billing-profile", {"city": "Berlin"}).json()["version"] == 1
    assert api.put("/api/billing-profile", {"city": "Bonn", "version": 1}).json()["version"] == 2
    stale = api.put("/api/billing-profile", {"city": "Ulm", "version": 1})
    assert (stale.status_code, stale.json()["code"]) == (409, "VERSION_CONFLICT")
    assert stale.json()["current"]["city"] == "Bonn"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("iban", "DE00370400440532013000"), ("iban", "DE"), ("bic", "ABC"), ("country", "GX1"), ("country", "1"),
        ("vat_id", "1234"), ("default_tax_rate", "101"), ("default_tax_rate", "NaN"), ("default_tax_rate", "much"),
        ("payment_days", -1), ("payment_days", 10_000), ("legal_name", "x" * 201), ("city", "a\nb"),
    ],
)  # fmt: skip
def test_bad_billing_settings_are_refused_by_field(cast, name, value):
    assert bad_names(cast.api().put("/api/billing-profile", {name: value})) == [name]
