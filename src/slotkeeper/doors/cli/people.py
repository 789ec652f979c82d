"""`slotkeeper create-owner`, `create-token` and `reset-password`."""

import argparse
import secrets
import select
import sys
import time

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.forms import EmailField
from django.urls import reverse

from slotkeeper.changes.record import COMMAND
from slotkeeper.configuration import DEFAULT_URL
from slotkeeper.doors.cli.database import make_ready
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.doors.dashboard.account import verify_address
from slotkeeper.people import sign_up, tokens
from slotkeeper.people.models import Membership, User
from slotkeeper.rules.local_time import is_zone
from slotkeeper.rules.permissions import Scope
from slotkeeper.settings import CONFIGURATION

_STDIN_WAIT_SECONDS = 2
_LONGEST_NAME = 100
_MOST_DAYS = 36_500


def create_owner(options: argparse.Namespace) -> None:
    """Make a business and its owner; the password comes from standard input, else one is made and printed."""
    make_ready()
    if not is_zone(options.time_zone):
        raise CommandRefused(f"{options.time_zone} is no IANA time zone such as Europe/Berlin.")
    try:
        EmailField(max_length=255).clean(options.email)
    except ValidationError:
        raise CommandRefused(f"{options.email} is no e-mail address.") from None
    _require_name(options.name, "--name")
    business = options.business or options.name
    _require_name(business, "--business")
    given = _password_from_stdin()
    password = given or secrets.token_urlsafe(12)
    try:
        validate_password(password, User(email=options.email, name=options.name))
    except ValidationError as error:
        raise CommandRefused(f"The password cannot be used. {' '.join(error.messages)}") from None
    try:
        owner = sign_up.NewOwner(options.email, options.name, options.time_zone, business, password)
        membership = sign_up.create_owner(owner, COMMAND)
    except sign_up.AddressTaken:
        raise CommandRefused(f"There is an account for {options.email} already.") from None
    verify_address(membership.user)
    print(f"Made {business} with its owner {options.email}.")
    if not given:
        print(f"Password: {password}")


def create_token(options: argparse.Namespace) -> None:
    """Make a token for a member and print nothing else."""
    make_ready()
    expires_at = None
    if options.expires_days is not None:
        if not 1 <= options.expires_days <= _MOST_DAYS:
            raise CommandRefused(f"--expires-days must be from 1 to {_MOST_DAYS}.")
        expires_at = int(time.time()) + options.expires_days * 24 * 3600
    _require_name(options.name, "--name")
    wish = tokens.TokenWish(options.name, Scope(options.scope), expires_at)
    _, secret = tokens.create_token(find_membership(options.email, options.business), wish, COMMAND)
    print(secret)


def reset_password(options: argparse.Namespace) -> None:
    """Print a link that sets a new password once."""
    make_ready()
    user = User.objects.filter(email__iexact=options.email, is_active=True).first()
    if user is None:
        raise CommandRefused(f"There is no account for {options.email}.")
    key = default_token_generator.make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
    print(f"{CONFIGURATION.url}{path}")
    if CONFIGURATION.url == DEFAULT_URL:
        print(f"If the server is not at {DEFAULT_URL}, set SLOTKEEPER_URL, and links lead to it.", file=sys.stderr)


def find_membership(email: str, business: str | None) -> Membership:
    """Find the member that an address, and where needed a business's name or slug, means. Raises CommandRefused."""
    memberships = list(
        Membership.objects.active().select_related("user", "business").filter(user__email__iexact=email).order_by("pk")
    )
    if not memberships:
        raise CommandRefused(f"There is no active member with the address {email}.")
    if business is not None:
        memberships = [found for found in memberships if business in {found.business.slug, found.business.name}]
        if not memberships:
            raise CommandRefused(f"{email} is no active member of {business}.")
    if len(memberships) > 1:
        slugs = ", ".join(found.business.slug for found in memberships)
        raise CommandRefused(f"{email} belongs to several businesses: say which with --business ({slugs}).")
    return memberships[0]


def _require_name(text: str, option: str) -> None:
    if not text.strip() or len(text) > _LONGEST_NAME or not text.isprintable():
        raise CommandRefused(f"{option} must be a name of at most {_LONGEST_NAME} characters, on one line.")


def _password_from_stdin() -> str:
    """Read a piped password; somebody's open but silent pipe must not make us wait for ever."""
    if sys.stdin is None or sys.stdin.isatty() or not select.select([sys.stdin], [], [], _STDIN_WAIT_SECONDS)[0]:
        return ""
    return sys.stdin.readline().rstrip("\r\n")
