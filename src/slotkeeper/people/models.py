"""Users, businesses, memberships and their tokens; and what is remembered of a caller between requests."""

import hashlib
import secrets
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from slotkeeper.changes.columns import CurrentTimestamp
from slotkeeper.rules.permissions import Role, Scope


class UserManager(BaseUserManager["User"]):
    """Makes users; the address is kept in lower case, so that one person has one account."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Make a user; without a password nobody can sign in until one is set."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find a user by address, whatever its case."""
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser):
    """A person who signs in. Their time is what appointments claim, across all businesses."""

    email = models.EmailField(max_length=255, unique=True)
    name = models.CharField(max_length=100, default="", blank=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    locale = models.CharField(max_length=16, default="en")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        db_table = "users"
        constraints = [models.CheckConstraint(condition=Q(email=Lower("email")), name="users_email_in_lower_case")]

    def __str__(self) -> str:
        return self.name or self.email


class Business(models.Model):
    """A tenant: everything that people make belongs to one business."""

    name = models.CharField(max_length=100)
    slug = models.SlugField(max_length=60, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    locale = models.CharField(max_length=16, default="en")
    currency = models.CharField(max_length=3, default="EUR")
    introduction = models.TextField(default="", db_default="", blank=True)  # on the public page
    accent_color = models.CharField(max_length=7, default="", db_default="", blank=True)  # of the public page
    self_service_cutoff_minutes = models.PositiveIntegerField(default=1440, db_default=1440)
    contact_email = models.CharField(max_length=255, default="", db_default="", blank=True)  # answers to mails go there
    requires_second_factor = models.BooleanField(default=False, db_default=False)  # of everybody who signs in
    version = models.PositiveIntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "businesses"

    def __str__(self) -> str:
        return self.name


class BusinessLogo(models.Model):
    """The picture on a business's public page; in a table of its own, because businesses are read often."""

    business = models.OneToOneField(Business, on_delete=models.CASCADE, related_name="logo")
    content = models.BinaryField()
    media_type = models.CharField(max_length=16)
    digest = models.CharField(max_length=32)  # of the content; stands in its address
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        db_table = "business_logos"

    def __str__(self) -> str:
        return f"{self.media_type}, {self.width}×{self.height}"


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Questions about who belongs where."""

    def active(self) -> "MembershipQuerySet":
        """Keep those who may act: neither suspended here nor disabled altogether."""
        return self.filter(is_suspended=False, user__is_active=True)

    def in_business(self, business_id: int) -> "MembershipQuerySet":
        """Keep those of one business."""
        return self.filter(business_id=business_id)

    def current(self) -> "MembershipQuerySet":
        """Keep those who belong there, suspended or not."""
        return self.filter(removed_at=None)


class Membership(models.Model):
    """A person's place in a business: the role decides what they may do there."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=16, choices=[(role.value, role.value) for role in Role])
    is_suspended = models.BooleanField(default=False)  # also once removed: nobody need ask both
    removed_at = models.DateTimeField(null=True)  # the row stays, for what refers to it
    grants = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))  # beyond the role
    # Whose calendars and which services a member is limited to; None is no limit. Their own is always theirs.
    limited_to_user_ids = models.JSONField(null=True)
    limited_to_service_ids = models.JSONField(null=True)
    hours_version = models.PositiveIntegerField(default=1, db_default=1)  # of the ordinary week
    version = models.PositiveIntegerField(default=1, db_default=1)  # of role, grants and limits
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    objects = MembershipQuerySet.as_manager()

    class Meta:
        db_table = "memberships"
        constraints = [models.UniqueConstraint(fields=["user", "business"], name="memberships_once_per_business")]

    def __str__(self) -> str:
        return f"{self.user} ({self.role})"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Questions about invitations."""

    def in_business(self, business_id: int) -> "InvitationQuerySet":
        """Keep those of one business."""
        return self.filter(business_id=business_id)

    def waiting(self) -> "InvitationQuerySet":
        """Keep those that are neither accepted nor revoked; some may have expired."""
        return self.filter(accepted_at=None, revoked_at=None)


class Invitation(models.Model):
    """A place in a business that is offered to an address. Its link carries a secret, of which only a hash is kept."""

    business = models.ForeignKey(Business, on_delete=models.CASCADE, related_name="invitations")
    email = models.CharField(max_length=255)
    role = models.CharField(max_length=16, choices=[(role.value, role.value) for role in Role])
    grants = models.JSONField(default=list)
    limited_to_user_ids = models.JSONField(null=True)
    limited_to_service_ids = models.JSONField(null=True)
    invited_by = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, related_name="invitations_made")
    nonce = models.CharField(max_length=32)  # another one each time it is sent: the link before ends
    secret_hash = models.BinaryField(max_length=32, unique=True)
    sends = models.PositiveIntegerField(default=1)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    objects = InvitationQuerySet.as_manager()

    class Meta:
        db_table = "invitations"
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower("email")), name="invitations_email_in_lower_case"),
            models.UniqueConstraint(
                fields=["business", "email"],
                condition=Q(accepted_at__isnull=True, revoked_at__isnull=True),
                name="invitations_one_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} ({self.role})"


class SessionRecord(models.Model):
    """Where somebody is signed in, and when that was used last. It ends with the session itself."""

    # Not a hash of its key: to end a session is to delete Django's row, where the key stands.
    session = models.OneToOneField("sessions.Session", on_delete=models.CASCADE, related_name="record")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="session_records")
    # The business in which it was used last; only its admins see it.
    membership = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, related_name="session_records")
    user_agent = models.CharField(max_length=255, default="", blank=True)
    address = models.CharField(max_length=64, default="", blank=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())
    last_used_at = models.DateTimeField()  # to the minute

    class Meta:
        db_table = "session_records"

    def __str__(self) -> str:
        return f"{self.user_id} at {self.address}"


class TokenQuerySet(models.QuerySet["ApiToken"]):
    """Questions about tokens."""

    def in_business(self, business_id: int) -> "TokenQuerySet":
        """Keep those of one business's members."""
        return self.filter(membership__business_id=business_id)


class ApiToken(models.Model):
    """A key to the API, for one membership. Only a hash of the secret is kept."""

    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=8, choices=[(scope.value, scope.value) for scope in Scope])
    secret_hash = models.BinaryField(max_length=32, unique=True)
    hint = models.CharField(max_length=12)  # the first characters, to tell tokens apart
    expires_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    objects = TokenQuerySet.as_manager()

    class Meta:
        db_table = "api_tokens"
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="api_tokens_have_a_name")]

    def __str__(self) -> str:
        return self.name


class IdempotentAnswer(models.Model):
    """The answer a creating request got, kept so that its repetition gets the same and makes nothing."""

    caller = models.TextField()  # "token 12" or "membership 3"
    route = models.TextField()
    key = models.TextField()
    body_hash = models.BinaryField(max_length=32)
    status = models.IntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=CurrentTimestamp())

    class Meta:
        db_table = "idempotent_answers"
        constraints = [models.UniqueConstraint(fields=["caller", "route", "key"], name="idempotent_answers_once")]
        indexes = [models.Index(fields=["created_at"], name="idempotent_answers_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"


class RequestCount(models.Model):
    """How many requests one caller made in one minute; shared by all processes."""

    caller = models.TextField()
    minute = models.BigIntegerField()
    count = models.IntegerField(default=0)

    class Meta:
        db_table = "request_counts"
        constraints = [models.UniqueConstraint(fields=["caller", "minute"], name="request_counts_once")]

    def __str__(self) -> str:
        return f"{self.caller}: {self.count}"


def new_secret() -> str:
    """Make a token's secret: 256 random bits, with a prefix that secret scanners can find."""
    return f"slk_{secrets.token_urlsafe(32)}"


def secret_hash(secret: str) -> bytes:
    """Hash a token's secret. One round of SHA-256 suffices for 256 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def free_slug(wanted: str, taken: Iterable[str]) -> str:
    """Pick a slug that is not taken: `wanted`, else `wanted-2`, `wanted-3` and so on."""
    used, number, slug = set(taken), 1, wanted
    while slug in used:
        number += 1
        slug = f"{wanted}-{number}"
    return slug
