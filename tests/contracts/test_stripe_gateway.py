"""What is asked of Stripe, through its own library, and what its answers come to."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from servers.fake_http import running
from servers.stripe_fake import ACCOUNT, KEY, RESTRICTED_KEY, StripeFake
from slotkeeper.billing.gateways.base import (
    GatewayAway,
    GatewayRefused,
    KeyReused,
    LinkState,
    LinkWish,
    Rank,
    RefundWish,
    UnknownThere,
    WrongKey,
)
from slotkeeper.billing.gateways.stripe import StripeAccount, StripeGateway
from slotkeeper.billing.gateways.stripe_objects import from_stripe, to_stripe
from slotkeeper.billing.payments import Money


@pytest.fixture
def fake():
    with running(StripeFake()) as fake:
        yield fake


@pytest.fixture
def gateway(fake):
    return StripeGateway(StripeAccount(KEY, url=fake.url), seconds=1.0)


def wish(key="key-1", money=None, minutes=60, **fields):
    usual = {
        "about": "invoice-7",
        "business_id": 3,
        "description": "Practice: 2027-1",
        "return_url": "https://practice.test/portal/invoice/x",
        "locale": "de",
        "email": "carla@customer.test",
    }
    expires_at = int(time.time()) // 60 * 60 + minutes * 60
    return LinkWish(key=key, money=money or Money(11_900, "EUR"), expires_at=expires_at, **(usual | fields))


def test_page_says_what_is_paid_and_for_what(fake, gateway):
    made = gateway.create_link(wish())
    session = fake.sessions[made.external_id]
    assert made.url.startswith(fake.url)
    assert (session["amount_total"], session["currency"], session["locale"]) == (11_900, "eur", "de")
    assert session["client_reference_id"] == "key-1"
    assert session["metadata"] == {
        "slotkeeper_about": "invoice-7",
        "slotkeeper_business": "3",
        "slotkeeper_link": "key-1",
    }
    [asked] = fake.asked_for("POST", "/v1/checkout/sessions")
    assert asked.headers["Idempotency-Key"] == "key-1"
    news = gateway.read_link(made.external_id)
    assert (news.key, news.about, news.business_id) == ("key-1", "invoice-7", "3")
    assert (news.money, news.state) == (Money(11_900, "EUR"), LinkState.OPEN)


def test_same_key_makes_one_page_however_often(fake, gateway):
    first = gateway.create_link(wish())
    assert gateway.create_link(wish()) == first
    assert len(fake.sessions) == 1


def test_same_key_for_something_else_is_refused(fake, gateway):
    gateway.create_link(wish())
    with pytest.raises(KeyReused):
        gateway.create_link(wish(money=Money(5_000, "EUR")))
    assert len(fake.sessions) == 1


def test_lost_answer_is_asked_for_again_and_makes_one_page(fake, gateway):
    fake.fault = "lost_answer"
    made = gateway.create_link(wish())
    assert list(fake.sessions) == [made.external_id]


def test_request_that_arrives_twice_makes_one_page(fake, gateway):
    fake.fault = "twice"
    gateway.create_link(wish())
    assert len(fake.sessions) == 1


@pytest.mark.parametrize("fault", ["away", "error", "busy", "nonsense", "lost_way", "cut", "slow"])
def test_no_useful_answer_is_one_kind_of_failure(fake, gateway, fault):
    fake.fault = fault
    with pytest.raises(GatewayAway):
        gateway.create_link(wish())


def test_unknown_key_is_told_apart(fake):
    with pytest.raises(WrongKey):
        StripeGateway(StripeAccount("sk_test_revoked", url=fake.url)).create_link(wish())


@pytest.mark.parametrize(
    ("money", "minutes"), [(Money(49, "EUR"), 60), (Money(100_000_000, "EUR"), 60), (Money(500, "EUR"), 10)]
)
def test_what_stripe_refuses_is_refused_in_its_words(gateway, money, minutes):
    with pytest.raises(GatewayRefused, match="Stripe refuses: "):
        gateway.create_link(wish(money=money, minutes=minutes))


def test_account_is_named_unless_the_key_may_not_know(fake, gateway):
    assert gateway.account_id() == ACCOUNT
    assert StripeGateway(StripeAccount(RESTRICTED_KEY, url=fake.url)).account_id() == ""


def test_ended_page_takes_no_payment(fake, gateway):
    made = gateway.create_link(wish())
    assert gateway.expire_link(made.external_id).state is LinkState.EXPIRED
    assert gateway.expire_link(made.external_id).state is LinkState.EXPIRED


def test_page_that_was_paid_meanwhile_cannot_be_ended_and_says_so(fake, gateway):
    made = gateway.create_link(wish())
    fake.pay(made.external_id)
    news = gateway.expire_link(made.external_id)
    assert (news.state, news.payment_id) == (LinkState.PAID, fake.sessions[made.external_id]["payment_intent"])


def test_unknown_page_is_told_apart(gateway):
    with pytest.raises(UnknownThere):
        gateway.read_link("cs_test_unknown")
    with pytest.raises(UnknownThere):
        gateway.expire_link("cs_test_unknown")


@pytest.fixture
def payment(fake, gateway):
    made = gateway.create_link(wish())
    fake.pay(made.external_id)
    return fake.sessions[made.external_id]["payment_intent"]


def test_refund_goes_back_once_for_one_key(fake, gateway, payment):
    first = gateway.refund(RefundWish("refund-1", payment, Money(2_000, "EUR")))
    assert gateway.refund(RefundWish("refund-1", payment, Money(2_000, "EUR"))) == first
    assert (first.money, first.rank, first.is_effective) == (Money(2_000, "EUR"), Rank.DONE, True)
    assert len(fake.refunds) == 1


def test_refund_of_more_than_is_left_is_refused(fake, gateway, payment):
    gateway.refund(RefundWish("refund-1", payment, Money(11_000, "EUR")))
    with pytest.raises(GatewayRefused):
        gateway.refund(RefundWish("refund-2", payment, Money(1_000, "EUR")))


def test_refund_that_takes_its_time_is_not_effective_yet(fake, gateway, payment):
    fake.refund_status = "pending"
    news = gateway.refund(RefundWish("refund-1", payment, Money(2_000, "EUR")))
    assert (news.rank, news.is_effective) == (Rank.BEGUN, False)


def test_events_are_listed_from_the_oldest_over_several_pages(fake, gateway):
    made = gateway.create_link(wish())
    fake.pay(made.external_id)
    payment = fake.sessions[made.external_id]["payment_intent"]
    for _ in range(230):
        fake.refund_by_hand(payment, 1)
    found = gateway.notices_since(datetime.now(UTC) - timedelta(hours=1))
    assert [one.external_id for one in found] == [one["id"] for one in fake.events]
    assert len(fake.asked_for("GET", "/v1/events")) == 3
    assert gateway.notices_since(datetime.now(UTC) + timedelta(hours=1)) == []


@pytest.mark.parametrize(
    ("money", "there"),
    [
        (Money(1_050, "EUR"), 1_050),
        (Money(500, "JPY"), 500),
        (Money(12_340, "KWD"), 12_340),
        (Money(500, "ISK"), 50_000),
        (Money(7, "UGX"), 700),
        (Money(123_400, "MGA"), 1_234),
    ],
)
def test_currencies_that_stripe_counts_in_its_own_way(money, there):
    assert to_stripe(money) == there
    assert from_stripe(there, money.currency.lower()) == money


def test_part_of_an_ariary_cannot_be_charged(fake, gateway):
    with pytest.raises(GatewayRefused, match="cannot charge"):
        gateway.create_link(wish(money=Money(123_450, "MGA")))
    assert fake.asked == []
