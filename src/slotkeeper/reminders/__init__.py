"""Reminders before an appointment: which are due, and the job that sends them."""
