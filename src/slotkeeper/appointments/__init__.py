"""Appointments, the time claims that guard them, and the verbs that change them."""
