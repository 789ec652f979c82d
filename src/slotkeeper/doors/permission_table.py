"""The permission table as a page for people, rendered from the code that is enforced."""

from slotkeeper.rules.permissions import PERMISSIONS, Permission, Role

_HEAD = """# Permissions

Rendered from `rules/permissions.py`, which every door enforces before any handler runs; a test keeps the two in
step. Permissions that end in `.all` reach everybody's rows, their plain twins one's own. A token of scope `read` has
only those with `.read` in their name.

"""


def render_permissions() -> str:
    """Write the table in Markdown: a row a permission, a column a role."""
    rows = [f"| permission | {' | '.join(Role)} |", "|---" * (len(Role) + 1) + "|"]
    for permission in Permission:
        marks = ["yes" if permission in PERMISSIONS[role] else "" for role in Role]
        rows.append(f"| `{permission}` | {' | '.join(marks)} |")
    return _HEAD + "\n".join(rows) + "\n"
