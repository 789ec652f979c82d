"""Quotes, invoices, credit notes and payments."""
