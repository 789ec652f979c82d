"""Emptying all tables between tests, which the record of changes, and what was issued, themselves refuse."""

from typing import Any

from django.db import connection

from slotkeeper.billing.models import Invoice, Quote
from slotkeeper.changes.models import Change
from slotkeeper.own_constraints import GuardConstraint

KEPT = (Change, Invoice, Quote)


def set_rule_aside_while_emptying() -> None:
    """Let Django's flush, and nothing else, delete what is kept: drop the triggers before it, and make them again."""
    drops, makes = [], []
    for model in KEPT:
        table = model._meta.db_table
        on = f" ON {table}" if connection.vendor == "postgresql" else ""
        for rule in model._meta.constraints:
            if isinstance(rule, GuardConstraint):
                made = [sql % {"table": table} for sql in rule.statements(connection.vendor)]
                names = [sql.split(" TRIGGER ")[1].split()[0] for sql in made if " TRIGGER " in sql]
                drops += [f"DROP TRIGGER IF EXISTS {name}{on}" for name in names]
                makes += made
    flush = connection.ops.sql_flush

    def sql_flush(*arguments: Any, **options: Any) -> list[str]:
        return [*drops, *flush(*arguments, **options), *makes]

    connection.ops.sql_flush = sql_flush
