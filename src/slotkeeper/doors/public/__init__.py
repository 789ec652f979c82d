"""Doors that anyone may enter: health, the first-run page."""
