"""People: users, businesses, memberships with roles, API tokens."""
