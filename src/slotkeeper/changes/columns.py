"""Column defaults that the database itself fills in."""

from django.db import models


class CurrentTimestamp(models.Func):
    """The SQL keyword: on SQLite it writes `YYYY-MM-DD HH:MM:SS`, the one form our triggers accept.

    Django's own Now() writes fractions of a second there.
    """

    template = "CURRENT_TIMESTAMP"
    output_field = models.DateTimeField()
