"""Slotkeeper: appointment scheduling that cannot double-book."""
