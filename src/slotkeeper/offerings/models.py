"""What a business offers and when: services, who gives them, opening hours, closures, time off, rooms."""

from django.db import models
from django.db.models import F, Q

from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.people.models import Business, Membership, User
from slotkeeper.rules.sharing_out import FIRST_PRIORITY, LAST_PRIORITY, MOST_WEIGHT, USUAL_PRIORITY, Sharing

DAY_MINUTES = 24 * 60
KIND_CHARACTERS = 60


class Assignment(models.TextChoices):
    """Who gives a service: whoever of its people is free, the one the customer chooses, or all together."""

    ANY = "any"
    CHOSEN = "chosen"
    ALL = "all"


class PrepaymentKind(models.TextChoices):
    """What a customer pays when booking: nothing, a share of the price, or all of it."""

    NONE = "none"
    DEPOSIT = "deposit"
    FULL = "full"


class ServiceQuerySet(models.QuerySet["Service"]):
    """Questions about services."""

    def in_business(self, business_id: int) -> "ServiceQuerySet":
        """Keep those of one business."""
        return self.filter(business_id=business_id)


class Service(models.Model):
    """Something a customer can book. Its buffers are copied into an appointment when it is booked."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="services")
    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60)
    description = models.TextField(default="", db_default="", blank=True)
    duration_minutes = models.PositiveIntegerField(default=30, db_default=30)
    buffer_before_minutes = models.PositiveIntegerField(default=0, db_default=0)
    buffer_after_minutes = models.PositiveIntegerField(default=0, db_default=0)
    step_minutes = models.PositiveIntegerField(null=True)  # the grid; its duration where not set
    minimum_notice_minutes = models.PositiveIntegerField(default=0, db_default=0)
    horizon_days = models.PositiveIntegerField(default=60, db_default=60)
    daily_limit_count = models.PositiveIntegerField(null=True)
    daily_limit_minutes = models.PositiveIntegerField(null=True)
    price_amount = models.BigIntegerField(null=True)  # minor units
    price_currency = models.CharField(max_length=3, default="", db_default="", blank=True)
    prepayment = models.CharField(
        max_length=8, choices=PrepaymentKind.choices, default=PrepaymentKind.NONE, db_default=PrepaymentKind.NONE.value
    )
    deposit_percent = models.PositiveSmallIntegerField(null=True)  # of the price, where a deposit is asked for
    location = models.CharField(max_length=500, default="", db_default="", blank=True)
    color = models.CharField(max_length=7, default="#b5552b", db_default="#b5552b")
    requires_confirmation = models.BooleanField(default=False, db_default=False)
    assignment = models.CharField(
        max_length=8, choices=Assignment.choices, default=Assignment.ANY, db_default=Assignment.ANY.value
    )
    # How those who are free take turns, where anyone may give it.
    sharing = models.CharField(
        max_length=10,
        choices=[(one.value, one.value) for one in Sharing],
        default=Sharing.LEAST_BUSY.value,
        db_default=Sharing.LEAST_BUSY.value,
    )
    reminder_minutes = models.JSONField(null=True)  # before the start; the usual ones where not set
    questions = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    is_active = models.BooleanField(default=True, db_default=True)
    version = models.IntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(db_default=CurrentTimestamp())

    objects = ServiceQuerySet.as_manager()

    class Meta:
        db_table = "services"
        constraints = [
            models.UniqueConstraint(fields=["business", "slug"], name="services_one_slug"),
            models.CheckConstraint(condition=Q(duration_minutes__gt=0), name="services_take_time"),
            models.CheckConstraint(condition=Q(step_minutes=None) | Q(step_minutes__gt=0), name="services_step_on"),
            models.CheckConstraint(
                condition=Q(prepayment=PrepaymentKind.NONE) | Q(price_amount__gt=0), name="services_prepaid_price"
            ),
            models.CheckConstraint(
                condition=~Q(prepayment=PrepaymentKind.DEPOSIT) | Q(deposit_percent__gte=1, deposit_percent__lte=99),
                name="services_deposit_share",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ServiceProvider(models.Model):
    """A member who gives a service."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="providers")
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="services_given")
    priority = models.PositiveSmallIntegerField(default=USUAL_PRIORITY, db_default=USUAL_PRIORITY)  # 1 is asked first
    weight = models.PositiveSmallIntegerField(default=1, db_default=1)  # how many turns in a rotation

    class Meta:
        db_table = "service_providers"
        constraints = [
            models.UniqueConstraint(fields=["service", "membership"], name="service_providers_once"),
            models.CheckConstraint(
                condition=Q(priority__gte=FIRST_PRIORITY, priority__lte=LAST_PRIORITY),
                name="service_providers_known_priority",
            ),
            models.CheckConstraint(
                condition=Q(weight__gte=1, weight__lte=MOST_WEIGHT), name="service_providers_known_weight"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.membership_id} gives {self.service_id}"


class OpeningHours(models.Model):
    """A range of a member's ordinary week, by the wall clock of their own zone.

    Minutes count from midnight; 1440 ends the day, and an end at or before the start lies on the next day.
    """

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="opening_hours")
    weekday = models.PositiveSmallIntegerField()  # 0 is Monday
    start_minute = models.PositiveSmallIntegerField()
    end_minute = models.PositiveSmallIntegerField()

    class Meta:
        db_table = "opening_hours"
        constraints = [
            models.UniqueConstraint(fields=["membership", "weekday", "start_minute"], name="opening_hours_once"),
            models.CheckConstraint(
                condition=Q(weekday__lte=6, start_minute__lt=DAY_MINUTES, end_minute__gt=0)
                & Q(end_minute__lte=DAY_MINUTES),
                name="opening_hours_in_a_week",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.weekday}: {self.start_minute}-{self.end_minute}"


class DateOverride(models.Model):
    """Other hours of a member on one date: `[start_minute, end_minute]` ranges, none for closed."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="date_overrides")
    date = models.DateField()
    ranges = models.JSONField(default=list)

    class Meta:
        db_table = "date_overrides"
        constraints = [models.UniqueConstraint(fields=["membership", "date"], name="date_overrides_once")]

    def __str__(self) -> str:
        return f"{self.date}: {self.ranges}"


class Closure(models.Model):
    """A date on which the whole business is closed; a member's own override of that date goes before it."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="closures")
    date = models.DateField()
    name = models.CharField(max_length=100)
    # Which public-holiday calendar it came from, such as "DE" or "DE-BE"; empty where somebody wrote it.
    holiday_calendar = models.CharField(max_length=16, default="", db_default="", blank=True)

    class Meta:
        db_table = "closures"
        constraints = [models.UniqueConstraint(fields=["business", "date"], name="closures_once")]

    def __str__(self) -> str:
        return f"{self.date}: {self.name}"


class TimeOff(models.Model):
    """A stretch of a person's time in which no business of theirs may offer them."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="time_off", db_index=False)
    start_time = models.DateTimeField()
    end_time = models.DateTimeField()
    reason = models.CharField(max_length=200, default="", db_default="", blank=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "time_off"
        indexes = [models.Index(fields=["user", "end_time"], name="time_off_user")]
        constraints = [models.CheckConstraint(condition=Q(end_time__gt=F("start_time")), name="time_off_takes_time")]

    def __str__(self) -> str:
        return f"{self.start_time} to {self.end_time}"


class Resource(models.Model):
    """A room or a piece of equipment: it claims time as a person does."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="resources")
    name = models.CharField(max_length=100)
    # What it is, such as "room": a service can need any one of a kind.
    kind = models.CharField(max_length=KIND_CHARACTERS, default="", db_default="", blank=True)
    is_active = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "resources"
        indexes = [models.Index(fields=["business", "kind"], name="resources_kind")]

    def __str__(self) -> str:
        return self.name


class ServiceResource(models.Model):
    """What a service needs beside people: one certain resource, or so many of a kind, whichever are free."""

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="needs")
    resource = models.ForeignKey(Resource, on_delete=models.RESTRICT, null=True, related_name="needed_by")
    kind = models.CharField(max_length=KIND_CHARACTERS, default="", db_default="", blank=True)
    quantity = models.PositiveSmallIntegerField(default=1, db_default=1)

    class Meta:
        db_table = "service_resources"
        constraints = [
            models.UniqueConstraint(
                fields=["service", "resource"],
                condition=Q(resource__isnull=False),
                name="service_resources_one_resource",
            ),
            models.UniqueConstraint(
                fields=["service", "kind"], condition=~Q(kind=""), name="service_resources_one_kind"
            ),
            models.CheckConstraint(
                condition=Q(resource__isnull=False, kind="", quantity=1)
                | (Q(resource__isnull=True, quantity__gte=1) & ~Q(kind="")),
                name="service_resources_one_need",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.service_id} needs {self.resource_id or self.kind}"
