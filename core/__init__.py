"""Entry points that existing cron lines call; they need nothing but Python's own library."""
