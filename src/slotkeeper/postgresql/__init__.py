"""The thin layer over Django's PostgreSQL backend."""
