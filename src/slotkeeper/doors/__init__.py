"""Doors: they parse, ask a feature, and show. No rules here."""
