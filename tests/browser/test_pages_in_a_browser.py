"""What only a real browser shows: the first minutes of an owner, passkeys, and that every page is clean."""

import httpx

EMAIL, PASSWORD = "olga@practice.test", "correct horse battery"

PUBLIC_PAGES = {
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
    "reset": "/accounts/password/reset/",
    "reset_done": "/accounts/password/reset/done/",
    "reset_bad": "/accounts/password/reset/key/1-abc/",
    "reset_complete": "/accounts/password/reset/key/done/",
    "confirm_sent": "/accounts/confirm-email/",
    "confirm_bad": "/accounts/confirm-email/xyz/",
    "inactive": "/accounts/inactive/",
    "docs": "/api/docs",
}
OWN_PAGES = {
    "token_revoke": "/settings/tokens/1/revoke",
    "account": "/settings/account",
    "email": "/accounts/email/",
    "password": "/accounts/password/change/",
    "second_step_off": "/accounts/mfa/",
    "keys_none": "/accounts/mfa/webauthn/",
    "logout": "/accounts/logout/",
}

# In this order: the first test sets the installation up.


def test_first_run_leads_from_nothing_to_a_booked_appointment(visitor):
    page = visitor.open("/")
    assert page.url.endswith("/welcome")
    assert page.input_value("[name=time_zone]") == "Europe/Lisbon"
    visitor.inspect("welcome")
    visitor.fill(business_name="Practice", name="Olga Owner", email=EMAIL, password="password12")
    visitor.press("Set up Slotkeeper")
    assert page.locator("#id_password_error").inner_text() == "This password is too common."
    assert page.input_value("[name=password]") == ""
    visitor.inspect("welcome_error")
    visitor.fill(password=PASSWORD)
    visitor.press("Set up Slotkeeper")
    assert page.get_by_role("heading", name="Nothing is booked yet").is_visible()
    visitor.inspect("week_empty")

    visitor.open("/settings/tokens")
    visitor.inspect("tokens_empty")
    visitor.fill(name="Website")
    visitor.press("Make token")
    secret = page.get_by_label("Token").input_value()
    visitor.inspect("token_made")
    visitor.follow("I have copied it")
    assert "Website" in page.locator("main").inner_text()
    assert secret not in page.content()
    visitor.inspect("tokens")

    tomorrow = page.evaluate("new Date(Date.now() + 864e5).toLocaleDateString('sv')")
    appointment = {
        "title": "First visit", "contact_name": "Carla Customer",
        "start_time": f"{tomorrow}T14:00:00", "end_time": f"{tomorrow}T14:30:00",
    }  # fmt: skip
    bearer = {"Authorization": f"Bearer {secret}"}
    answer = httpx.post(f"{visitor.url}/api/appointments", json=appointment, headers=bearer)
    assert answer.status_code == 201
    visitor.open(f"/?date={tomorrow}")
    entry = page.locator("#week-list .entry").text_content()
    assert all(text in entry for text in ("14:00", "14:30", "First visit", "Carla Customer", "Scheduled"))
    visitor.inspect("week")
    for name, path in OWN_PAGES.items():
        visitor.open(path)
        visitor.inspect(name)


def test_passkey_signs_in_without_a_password(visitor):
    devtools = visitor.page.context.new_cdp_session(visitor.page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
        "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    visitor.sign_in(EMAIL, PASSWORD)
    page = visitor.open("/accounts/mfa/webauthn/add/")
    visitor.inspect("reauthenticate")
    visitor.fill(password=PASSWORD)
    visitor.press("Confirm")
    visitor.inspect("key_add")
    visitor.open("/accounts/mfa/totp/activate/")
    visitor.inspect("app_set_up")
    visitor.open("/accounts/mfa/webauthn/add/")
    visitor.fill(name="Laptop")
    visitor.press("Add key")
    page.wait_for_url("**/recovery-codes/")
    visitor.inspect("recovery_codes")
    for name, path in {
        "mfa": "",
        "keys": "webauthn/",
        "key_edit": "webauthn/keys/1/edit/",
        "key_remove": "webauthn/keys/1/remove/",
    }.items():
        visitor.open(f"/accounts/mfa/{path}")
        visitor.inspect(name)

    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/*")
    visitor.press("Sign in with a passkey")
    page.locator("h1#calendar-title").wait_for()  # its script adds the date to the address

    page.get_by_role("button", name="Sign out").click()
    visitor.sign_in(EMAIL, PASSWORD)  # the password alone is not enough any more
    assert page.locator("h1").inner_text() == "Second step"
    visitor.inspect("second_step")
    visitor.press("Use a passkey or security key")
    page.locator("h1#calendar-title").wait_for()  # its script adds the date to the address


def test_every_public_page_is_clean(visitor):
    for name, path in PUBLIC_PAGES.items():
        visitor.open(path)
        visitor.inspect(name)
