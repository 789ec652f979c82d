"""Contacts: the customers (the table is called leads)."""
