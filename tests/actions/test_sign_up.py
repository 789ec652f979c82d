"""Making businesses: each gets a slug of its own."""

import threading

import pytest
from django.db import connection

from cast import PASSWORD
from slotkeeper.changes.record import COMMAND
from slotkeeper.people.models import Business
from slotkeeper.people.sign_up import RESERVED_SLUGS, AddressTaken, NewOwner, create_owner


def owner(number, business="Salon"):
    return NewOwner(f"o{number}@x.test", "Olga", "Europe/Berlin", business, PASSWORD)


def test_businesses_of_one_name_get_slugs_of_their_own(db):
    slugs = [create_owner(owner(number), COMMAND).business.slug for number in range(3)]
    assert slugs == ["salon", "salon-2", "salon-3"]


@pytest.mark.parametrize("name", ["API", "Accounts", "static", "§§§"])
def test_no_business_takes_an_address_of_ours(db, name):
    assert create_owner(owner(1, name), COMMAND).business.slug not in RESERVED_SLUGS


def test_one_address_has_one_account_whatever_its_case(db):
    create_owner(owner(1), COMMAND)
    with pytest.raises(AddressTaken):
        create_owner(NewOwner("O1@X.TEST", "Other", "Europe/Berlin", "Other"), COMMAND)


def test_businesses_of_one_name_made_at_once_do_not_meet(transactional_db):
    barrier = threading.Barrier(4)

    def make(number):
        barrier.wait()
        create_owner(owner(number), COMMAND)
        connection.close()

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Business.objects.values("slug").distinct().count() == 4
