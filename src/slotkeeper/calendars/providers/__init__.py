"""The calendars that others keep: one module for each kind of server."""
