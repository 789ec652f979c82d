"""The whole way, from a booking to Google and Microsoft and back, with sealed tokens and a real run."""

import json
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connected import HOUR, SOON, Connected
from contracts.google_world import GoogleWorld
from contracts.graph_world import GraphWorld
from slotkeeper.calendars.models import (
    BusyTime,
    CalendarConnection,
    CalendarProposal,
    ConnectedCalendar,
    Health,
    ProposalKind,
)
from slotkeeper.outbound.secret_box import secret_box
from slotkeeper.outbox.kinds import Kind
from slotkeeper.outbox.models import Message

WORLDS = {"google": GoogleWorld, "microsoft": GraphWorld}


@pytest.fixture(params=sorted(WORLDS))
def world(request):
    with ExitStack() as stack:
        world = WORLDS[request.param](stack)
        world.kind = request.param
        world.server.oauth.rotates = True
        yield world


@pytest.fixture
def owner(cast, world):
    """Olga, whose calendar is in that world; her access token has run out."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    secret = json.dumps(json.loads(world.account.kept[0]) | {"expires_at": 0})
    connection = CalendarConnection.objects.create(
        user=cast.owner.user, provider=world.kind, name="Work", sealed_secret=secret_box().seal(secret), due_at=past
    )
    calendar = ConnectedCalendar.objects.create(
        connection=connection,
        user=cast.owner.user,
        external_id=world.calendar_id,
        name="Main",
        blocks=True,
        receives=True,
    )
    return Connected(cast.owner, world, connection, calendar)


def standing(owner):
    return CalendarConnection.objects.get(pk=owner.connection.pk)


def test_a_booking_arrives_and_what_stands_there_blocks(owner, world):
    world.put("dentist", SOON + 4 * HOUR, SOON + 5 * HOUR)
    owner.book()
    owner.work_later()
    assert world.titles() == ["Consultation", "dentist"]
    assert [int(one.start_time.timestamp()) for one in BusyTime.objects.all()] == [SOON + 4 * HOUR]
    assert standing(owner).status == Health.CONNECTED


def test_refreshed_tokens_are_kept_sealed_from_one_run_to_the_next(owner, world):
    before = standing(owner).sealed_secret
    for _ in range(3):
        owner.work_later()
        kept = json.loads(secret_box().open(standing(owner).sealed_secret))
        assert kept["access_token"] in world.server.oauth.access_tokens
        assert kept["access_token"] not in standing(owner).sealed_secret
        expired = secret_box().seal(json.dumps(kept | {"expires_at": 0}))
        CalendarConnection.objects.update(sealed_secret=expired)
    assert standing(owner).sealed_secret != before
    assert len(world.server.asked_for("POST", "/token")) == 3


def test_a_lost_answer_makes_no_second_event(owner, world):
    owner.work_later()
    owner.book()
    with world.broken("lost_answer"):
        owner.work_later()
    assert standing(owner).status == Health.FAILING
    owner.work_later()
    assert world.titles() == ["Consultation"]
    assert standing(owner).status == Health.CONNECTED


def test_an_event_that_its_owner_moves_or_deletes_becomes_a_proposal(owner, world):
    owner.book()
    owner.work_later()
    written = owner.link().external_event_id
    world.move(written, SOON + HOUR, SOON + 2 * HOUR)
    owner.work_later()
    assert int(CalendarProposal.objects.get().start_time.timestamp()) == SOON + HOUR
    world.remove(written)
    owner.work_later()
    assert CalendarProposal.objects.get(resolved_at=None).kind == ProposalKind.DELETE


def test_who_takes_the_access_back_is_told_once(owner, world):
    with world.broken("locked_out"):
        owner.work_later()
        owner.work_later()
    assert standing(owner).status == Health.RECONNECT
    told = Message.objects.get(kind=Kind.CALENDAR_ATTENTION)
    assert (told.recipient, told.address) == (f"user {owner.member.user_id}", owner.member.user.email)


def test_a_registration_that_was_taken_from_the_settings_is_no_loss_of_access(owner, settings):
    settings.CONFIGURATION = replace(settings.CONFIGURATION, google_client_id="", microsoft_client_id="")
    owner.work_later()
    assert standing(owner).status == Health.FAILING
