"""A business's keys at Stripe: tried, sealed, and never shown again."""

import pytest

from paid import paid_through_stripe, set_up_stripe
from servers.stripe_fake import ACCOUNT, KEY, RESTRICTED_KEY, SECRET
from slotkeeper.billing.models import BillingProfile
from slotkeeper.billing.stripe_accounts import StillPrepaid, forget_keys, is_payable_online, keep_keys, shown_keys
from slotkeeper.changes.models import Change
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings.models import Service
from slotkeeper.offerings.refusals import InvalidFields


@pytest.fixture
def practice(cast, settings):
    with paid_through_stripe(cast.owner.business, settings) as practice:
        yield practice


def test_keys_are_tried_and_sealed_and_only_their_ends_are_shown(practice):
    BillingProfile.objects.update(stripe_sealed_key="", stripe_sealed_signing_secret="", stripe_account_id="")
    keep_keys(practice.business.pk, f" {KEY}\n", "", COMMAND)
    assert not is_payable_online(practice.business.pk)
    keep_keys(practice.business.pk, "", SECRET, COMMAND)
    assert is_payable_online(practice.business.pk)
    shown = shown_keys(practice.business.pk)
    assert (shown.key_ending, shown.signing_secret_ending) == (KEY[-4:], SECRET[-4:])
    assert (shown.account_id, shown.is_live, shown.is_complete) == (ACCOUNT, False, True)
    profile = BillingProfile.objects.get(business=practice.business)
    recorded = str(list(Change.objects.values_list("before", "after")))
    for secret in (KEY, SECRET):
        assert secret not in profile.stripe_sealed_key + profile.stripe_sealed_signing_secret + recorded + repr(shown)


def test_restricted_key_that_may_not_name_its_account_will_do(practice):
    keep_keys(practice.business.pk, RESTRICTED_KEY, "", COMMAND)
    assert shown_keys(practice.business.pk).account_id == ""


@pytest.mark.parametrize(
    ("key", "secret", "field"),
    [
        ("", "", "stripe_key"),
        ("pk_test_4eC39HqLyjWDarjtT1zdp7dc", "", "stripe_key"),
        ("sk_test_4eC39HqL yjWDarjtT1zdp7dc", "", "stripe_key"),
        ("sk_test_" + "x" * 600, "", "stripe_key"),
        ("sk_test_revoked0", "", "stripe_key"),
        (KEY, "secret", "stripe_signing_secret"),
    ],
)
def test_keys_that_are_none_are_refused_by_field(practice, key, secret, field):
    before = BillingProfile.objects.get(business=practice.business).stripe_sealed_key
    with pytest.raises(InvalidFields) as refusal:
        keep_keys(practice.business.pk, key, secret, COMMAND)
    assert list(refusal.value.reasons) == [field]
    assert BillingProfile.objects.get(business=practice.business).stripe_sealed_key == before


def test_keys_are_forgotten_unless_services_are_paid_in_advance(practice):
    fields = {"name": "Course", "slug": "course", "price_amount": 5_000, "price_currency": "EUR"}
    service = Service.objects.create(business=practice.business, prepayment="full", **fields)
    with pytest.raises(StillPrepaid):
        forget_keys(practice.business.pk, COMMAND)
    service.delete()
    forget_keys(practice.business.pk, COMMAND)
    assert not is_payable_online(practice.business.pk)


def test_keys_sealed_with_a_key_that_is_gone_count_as_none(practice):
    set_up_stripe(practice.business, stripe_sealed_key="gAAAAA-broken")
    assert shown_keys(practice.business.pk).is_seal_broken
    assert not is_payable_online(practice.business.pk)
