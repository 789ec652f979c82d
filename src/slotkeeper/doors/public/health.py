"""Whether the server is alive, and whether it can serve."""

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from slotkeeper.doors.access import PUBLIC, permit


@permit(PUBLIC)
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer while the process lives; asks nothing of the database."""
    del request
    return HttpResponse("ok\n", "text/plain")


@permit(PUBLIC)
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 when the database answers, else 503."""
    del request
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM django_migrations LIMIT 1")
    except DatabaseError:
        return HttpResponse("the database does not answer\n", "text/plain", 503)
    return HttpResponse("ready\n", "text/plain")
