"""Decide what Slotkeeper promises: pure functions over frozen values, without framework, I/O or clock."""
