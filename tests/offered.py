"""A service on offer, for tests: who gives it, and when they are there."""

from slotkeeper.offerings.models import OpeningHours, Service, ServiceProvider


def offer(*members, hours=((9 * 60, 17 * 60),), weekdays=range(5), **fields):
    """Make a service of an hour that these members give, at the same hours on each of the weekdays."""
    service = Service.objects.create(
        business=members[0].business,
        **({"name": "Haircut", "slug": "haircut", "duration_minutes": 60, "horizon_days": 3650} | fields),
    )
    for member in members:
        ServiceProvider.objects.create(service=service, membership=member)
        keep_hours(member, hours, weekdays)
    return service


def keep_hours(member, hours=((9 * 60, 17 * 60),), weekdays=range(5)):
    """Give a member opening hours, where they have none."""
    if not OpeningHours.objects.filter(membership=member).exists():
        OpeningHours.objects.bulk_create(
            OpeningHours(membership=member, weekday=weekday, start_minute=start, end_minute=end)
            for weekday in weekdays
            for start, end in hours
        )
