"""The pages of a signed-in member, and signing in."""
