"""Appointments, the claims on time they hold, and temporary holds."""

from django.db import models
from django.db.models import F, Q

from slotkeeper.appointments.guard import ClaimsTime, ForeignKeyAction, NoOverlap, WholeSeconds
from slotkeeper.appointments.reach import Reach
from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.contacts.models import Contact, ContactQuerySet
from slotkeeper.offerings.models import Resource, Service
from slotkeeper.people.models import Business, User
from slotkeeper.rules.appointment_status import Status


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    """Questions about appointments."""

    def in_business(self, business_id: int) -> "AppointmentQuerySet":
        """Keep those of one business."""
        return self.filter(business_id=business_id)

    def within(self, reach: Reach) -> "AppointmentQuerySet":
        """Keep those within reach."""
        condition = Q()
        if reach.user_ids is not None:
            condition &= Q(user_id__in=reach.user_ids)
        if reach.service_ids is not None:
            condition &= Q(service_id__in=reach.service_ids)
        if condition and reach.own_user_id is not None:
            condition |= Q(user_id=reach.own_user_id)
        return self.in_business(reach.business_id).filter(condition)


def contacts_within(reach: Reach, user_id: int) -> ContactQuerySet:
    """Give a business's customers, or those who have or had an appointment within reach, or whom a person entered."""
    contacts = Contact.objects.in_business(reach.business_id)
    if reach.user_ids is None and reach.service_ids is None:
        return contacts
    # Not a join with DISTINCT: PostgreSQL would let nobody order by anything else.
    have_appointments = Q(pk__in=Appointment.objects.within(reach).values("contact_id"))
    return contacts.filter(have_appointments | Q(created_by_id=user_id))


class Appointment(models.Model):
    """Somebody's time, booked. Its claims are the database's business: see guard.py."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, db_constraint=False, db_index=False)
    title = models.TextField()
    description = models.TextField(null=True)
    start_time = models.DateTimeField()
    end_time = models.DateTimeField()
    status = models.TextField(
        choices=[(status.value, status.value) for status in Status],
        default=Status.SCHEDULED,
        db_default=Status.SCHEDULED.value,
    )
    contact = models.ForeignKey(
        Contact,
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="appointments",
    )
    contact_name = models.TextField(null=True)
    contact_email = models.TextField(null=True)
    contact_phone = models.TextField(null=True)
    location = models.TextField(null=True)
    notes = models.TextField(null=True)
    sync_to_calendar = models.BooleanField(null=True, default=False, db_default=False)
    reminder_24h_sent = models.BooleanField(null=True, default=False, db_default=False)
    reminder_2h_sent = models.BooleanField(null=True, default=False, db_default=False)
    created_at = models.DateTimeField(null=True, db_default=CurrentTimestamp())
    updated_at = models.DateTimeField(null=True, db_default=CurrentTimestamp())
    service = models.ForeignKey(Service, on_delete=models.PROTECT, null=True, db_index=False)
    blocked_from = models.DateTimeField()
    blocked_until = models.DateTimeField()
    version = models.IntegerField(default=1, db_default=1)

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        db_table = "appointments"
        indexes = [
            models.Index(fields=["start_time"], name="appointments_start_time"),
            models.Index(fields=["end_time"], name="appointments_end_time"),
            models.Index(fields=["status"], name="appointments_status"),
            models.Index(fields=["business", "start_time", "id"], name="appointments_business"),
            models.Index(fields=["user", "start_time"], name="appointments_user"),
            models.Index(fields=["contact"], name="appointments_contact", condition=Q(contact__isnull=False)),
            models.Index(fields=["service", "id"], name="appointments_turns", condition=Q(service__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(end_time__gt=F("start_time")), name="appointments_end_after_start"),
            models.CheckConstraint(
                condition=Q(blocked_from__lte=F("start_time"), blocked_until__gte=F("end_time")),
                name="appointments_block_their_time",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[status.value for status in Status]), name="appointments_known_status"
            ),
            WholeSeconds(
                columns=["start_time", "end_time", "blocked_from", "blocked_until"],
                name="appointments_whole_seconds",
            ),
            ForeignKeyAction(column="user_id", references="users", on_delete="CASCADE", name="appointments_user_fk"),
            ForeignKeyAction(
                column="contact_id", references="leads", on_delete="SET NULL", name="appointments_contact_fk"
            ),
            ClaimsTime(name="appointments_claim_time"),
        ]

    def __str__(self) -> str:
        return self.title


class Hold(models.Model):
    """Time kept free for somebody who is filling in a form, until it expires."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE)
    secret_hash = models.BinaryField(max_length=32, unique=True, null=True)  # of what its holder books it with
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "holds"

    def __str__(self) -> str:
        return f"hold {self.pk}"


class TimeClaim(models.Model):
    """A stretch of time of one claimant that nothing else may touch."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, db_constraint=False, db_index=False)
    resource = models.ForeignKey(Resource, on_delete=models.CASCADE, null=True, db_constraint=False, db_index=False)
    claimed_from = models.DateTimeField()
    claimed_until = models.DateTimeField()
    appointment = models.ForeignKey(
        Appointment,
        on_delete=models.CASCADE,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="claims",
    )
    is_main = models.BooleanField(default=False, db_default=False)
    hold = models.ForeignKey(Hold, on_delete=models.CASCADE, null=True, db_constraint=False, db_index=False)
    held_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "time_claims"
        indexes = [
            models.Index(
                fields=["user", "claimed_from"],
                name="time_claims_user_window",
                condition=Q(user__isnull=False),
            ),
            models.Index(
                fields=["resource", "claimed_from"],
                name="time_claims_resource_window",
                condition=Q(resource__isnull=False),
            ),
            models.Index(
                fields=["appointment"], name="time_claims_appointment", condition=Q(appointment__isnull=False)
            ),
            models.Index(
                fields=["user", "held_until"], name="time_claims_holds", condition=Q(held_until__isnull=False)
            ),
            models.Index(
                fields=["resource", "held_until"], name="time_claims_room_holds", condition=Q(held_until__isnull=False)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(user__isnull=False, resource__isnull=True) | Q(user__isnull=True, resource__isnull=False),
                name="time_claims_one_claimant",
            ),
            models.CheckConstraint(
                condition=Q(appointment__isnull=False, hold__isnull=True, held_until__isnull=True)
                | Q(appointment__isnull=True, hold__isnull=False, held_until__isnull=False),
                name="time_claims_one_holder",
            ),
            # An empty range overlaps nothing, so it may not exist.
            models.CheckConstraint(condition=Q(claimed_until__gt=F("claimed_from")), name="time_claims_not_empty"),
            WholeSeconds(columns=["claimed_from", "claimed_until", "held_until"], name="time_claims_whole_seconds"),
            ForeignKeyAction(column="user_id", references="users", on_delete="CASCADE", name="time_claims_user_fk"),
            ForeignKeyAction(
                column="resource_id",
                references="resources",
                on_delete="CASCADE",
                name="time_claims_resource_fk",
            ),
            ForeignKeyAction(
                column="appointment_id",
                references="appointments",
                on_delete="CASCADE",
                name="time_claims_appointment_fk",
            ),
            ForeignKeyAction(column="hold_id", references="holds", on_delete="CASCADE", name="time_claims_hold_fk"),
            NoOverlap(claimant="user_id", name="time_claims_one_per_user"),
            NoOverlap(claimant="resource_id", name="time_claims_one_per_resource"),
        ]

    def __str__(self) -> str:
        return f"{self.claimed_from} to {self.claimed_until}"


class IntakeAnswer(models.Model):
    """What a customer answered to a question of the service when they booked."""

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="intake_answers")
    position = models.PositiveSmallIntegerField()
    question = models.TextField()
    answer = models.TextField()

    class Meta:
        db_table = "intake_answers"
        constraints = [models.UniqueConstraint(fields=["appointment", "position"], name="intake_answers_once")]

    def __str__(self) -> str:
        return self.question


class SeriesPlace(models.Model):
    """An appointment's place in a series that was booked together; a series is named by its first appointment."""

    appointment = models.OneToOneField(Appointment, on_delete=models.CASCADE, related_name="series_place")
    series = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="series_places")
    number = models.PositiveSmallIntegerField()

    class Meta:
        db_table = "series_places"
        constraints = [models.UniqueConstraint(fields=["series", "number"], name="series_places_once")]

    def __str__(self) -> str:
        return f"{self.number} of {self.series_id}"


class CustomerLink(models.Model):
    """A link that lets a customer see, move or cancel one appointment; the secret itself is kept as a hash."""

    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE, related_name="customer_links")
    secret_hash = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "customer_links"

    def __str__(self) -> str:
        return f"link to {self.appointment_id}"


class ImportedEvent(models.Model):
    """Which event of somebody's calendar file became which appointment, so that none becomes two."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, db_index=False)
    uid = models.TextField()
    recurrence_id = models.TextField()
    appointment = models.ForeignKey(Appointment, on_delete=models.CASCADE)
    imported_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "imported_events"
        constraints = [models.UniqueConstraint(fields=["user", "uid", "recurrence_id"], name="imported_events_once")]

    def __str__(self) -> str:
        return self.uid
