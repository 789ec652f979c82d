"""The append-only record of every change: history, audit trail, event and wake-up in one."""
