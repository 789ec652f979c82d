"""A business may ask that everybody who signs in there has a second factor."""

from allauth.mfa.models import Authenticator

from slotkeeper.people.models import Membership


class SecondFactorMissing(Exception):
    """The business asks for a second factor at sign-in. Set up one of your own first: under Account."""


def has_second_factor(user_id: int) -> bool:
    """Say whether a person has a passkey, a security key or an app's codes; recovery codes alone are none."""
    factors = Authenticator.objects.filter(user_id=user_id).exclude(type=Authenticator.Type.RECOVERY_CODES)
    return bool(factors.exists())


def owes_second_factor(membership: Membership) -> bool:
    """Say whether a member has to set one up before anything else; the membership's business must be loaded."""
    return membership.business.requires_second_factor and not has_second_factor(membership.user_id)
