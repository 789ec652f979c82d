"""Every message that leaves: the ledger, the channels, and whether sending is held."""
