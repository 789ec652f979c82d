"""The background worker: a loop over jobs."""
