"""The ways messages travel: one protocol, one contract test."""
