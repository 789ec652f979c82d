"""What a service needs beside people, and each one's place in it."""

import pytest

from actions.test_offerings import NOW, last_change, make_service
from slotkeeper.changes.record import COMMAND
from slotkeeper.offerings import resources
from slotkeeper.offerings.actions import ServiceTarget, providers_of, update_service
from slotkeeper.offerings.models import Service
from slotkeeper.offerings.needs import needs_of
from slotkeeper.offerings.refusals import InvalidFields


def test_needs_are_stored_and_recorded_and_the_same_again_changes_nothing(cast):
    rooms = [
        resources.create_resource(cast.owner.business_id, {"name": f"Room {number}", "kind": "room"}, COMMAND, NOW)
        for number in range(3)
    ]
    service = make_service(cast)
    target = ServiceTarget(service.business_id, service.pk)
    needs = [{"resource_id": rooms[1].pk}, {"kind": "room", "quantity": 2}]
    changed = update_service(target, {"needs": needs}, None, COMMAND)
    assert (needs_of(changed), changed.version, last_change().after) == (needs, 2, {"needs": needs})
    assert update_service(target, {"needs": needs}, None, COMMAND).version == 2


@pytest.mark.parametrize(
    ("needs", "because"),
    [
        ([{"resource_id": 10**9}], "no such room"),
        ([{"kind": "room", "quantity": 2}], "there are 1, not 2"),
        ([{"kind": "bath", "quantity": 1}], "there are 0, not 1"),
        ([{"kind": "room", "quantity": 1}, {"kind": "room", "quantity": 1}], "twice"),
    ],
)
def test_needs_that_cannot_be_met_are_refused_and_the_old_ones_stay(cast, needs, because):
    resources.create_resource(cast.owner.business_id, {"name": "Room 1", "kind": "room"}, COMMAND, NOW)
    service = make_service(cast, needs=[{"kind": "room", "quantity": 1}])
    with pytest.raises(InvalidFields, match=because):
        update_service(ServiceTarget(service.business_id, service.pk), {"needs": needs}, None, COMMAND)
    assert needs_of(Service.objects.get()) == [{"kind": "room", "quantity": 1}]


def test_a_strangers_room_cannot_be_needed(cast):
    room = resources.create_resource(cast.outsider.business_id, {"name": "Lift"}, COMMAND, NOW)
    with pytest.raises(InvalidFields, match="no such room"):
        make_service(cast, needs=[{"resource_id": room.pk}])


def test_priority_and_weight_are_kept_when_only_the_people_change(cast):
    owner, colleague = cast.owner.user_id, cast.colleague.user_id
    places = [{"user_id": owner, "priority": 1, "weight": 3}]
    service = make_service(cast, [owner], sharing="rotation", providers=places)
    assert last_change().after["providers"] == places
    target = ServiceTarget(service.business_id, service.pk)
    update_service(target, {}, [owner, colleague], COMMAND)
    assert providers_of(service) == [*places, {"user_id": colleague, "priority": 5, "weight": 1}]
