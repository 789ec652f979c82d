"""The permission table as a page for people, rendered from the code that is enforced."""

from slotkeeper.rules.permissions import OF_THE_WHOLE, PERMISSIONS, Permission, Role

_HEAD = """# Permissions

Rendered from `rules/permissions.py`, which every door enforces before any handler runs; a test keeps the two in
step. Permissions that end in `.all` reach everybody's rows, their plain twins one's own. A token of scope `read` has
only those with `.read` in their name. Those in *italics* are about the business as a whole: whoever is limited to some
colleagues or services has none of them, whatever their role and grants.

"""


def render_permissions() -> str:
    """Write the table in Markdown: a row a permission, a column a role."""
    rows = [f"| permission | {' | '.join(Role)} |", "|---" * (len(Role) + 1) + "|"]
    for permission in Permission:
        marks = ["yes" if permission in PERMISSIONS[role] else "" for role in Role]
        name = f"*`{permission}`*" if permission in OF_THE_WHOLE else f"`{permission}`"
        rows.append(f"| {name} | {' | '.join(marks)} |")
    return _HEAD + "\n".join(rows) + "\n"
