"""The `slotkeeper` command."""
