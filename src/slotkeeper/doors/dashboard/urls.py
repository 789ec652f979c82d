"""Addresses of a signed-in member's pages."""

from django.urls import path

from slotkeeper.doors.dashboard import home, profile, tokens

urlpatterns = [
    path("", home.week, name="home"),
    path("settings/tokens", tokens.tokens, name="tokens"),
    path("settings/tokens/new", tokens.make, name="token_make"),
    path("settings/tokens/<int:token_id>/revoke", tokens.revoke, name="token_revoke"),
    path("settings/account", profile.account, name="account"),
    path("settings/business-switch", profile.switch_business, name="business_switch"),
]
