"""The addresses of this machine itself are served without a setting."""

from ipaddress import ip_address

from django.core.exceptions import DisallowedHost
from django.core.handlers.wsgi import WSGIRequest
from django.http.request import split_domain_port


class Request(WSGIRequest):
    """A request whose Host may be any loopback address: ALLOWED_HOSTS cannot name 127.0.0.0/8."""

    def get_host(self) -> str:
        """Give the host that was asked for. Raises DisallowedHost where it is none of ours."""
        try:
            return super().get_host()
        except DisallowedHost:
            host: str = self.META.get("HTTP_HOST", "")
            if not _is_loopback(host):
                raise
            return host


def _is_loopback(host: str) -> bool:
    domain, _port = split_domain_port(host)
    try:
        return ip_address(domain.strip("[]")).is_loopback
    except ValueError:
        return False
