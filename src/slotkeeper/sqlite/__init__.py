"""Django's SQLite backend with durable, fairly queued writes."""
