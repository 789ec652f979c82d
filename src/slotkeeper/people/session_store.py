"""Django's sessions in the database, which is asked only for keys that can be one."""

from django.contrib.sessions.backends import db

_LENGTH = 32  # of every key that Django makes


class SessionStore(db.SessionStore):
    """Django's store. A cookie may hold anything, and one with a NUL PostgreSQL would refuse to look for."""

    def _validate_session_key(self, key: str | None) -> bool:
        return key is not None and len(key) == _LENGTH and key.isascii() and key.isalnum()
