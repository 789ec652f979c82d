"""Sealing the secrets that people give us, so that a copy of the database holds none of them in the clear."""

import base64
import hashlib
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings


class SealBroken(Exception):
    """The secret was sealed with a key that this installation no longer has."""


class SecretBox:
    """Seals with the first key and opens with any: so keys can be rotated (MultiFernet)."""

    def __init__(self, keys: Sequence[str]) -> None:
        # A key may be any long text: what the cipher needs is 32 bytes of it, and none of what signs links.
        digests = (hashlib.sha256(b"slotkeeper secret box\0" + key.encode()).digest() for key in keys)
        self._fernet = MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])

    def seal(self, secret: str) -> str:
        """Encrypt a secret."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """Decrypt a secret. Raises SealBroken."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise SealBroken from None

    def seal_again(self, sealed: str) -> str:
        """Seal with the first key what another one sealed. Raises SealBroken."""
        try:
            return self._fernet.rotate(sealed.encode()).decode()
        except InvalidToken:
            raise SealBroken from None


def secret_box() -> SecretBox:
    """Give the box that seals this installation's secrets."""
    configuration = settings.CONFIGURATION
    return SecretBox(configuration.encryption_keys or (configuration.secret_key,))
