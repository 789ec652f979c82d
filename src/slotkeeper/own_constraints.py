"""Constraints that are SQL of our own, on both engines.

They are written as Django constraints, so that migrations create them and Django's own table rebuilds recreate them,
and looked for at every start.
"""

import re
from typing import Any

from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.backends.ddl_references import Statement, Table
from django.db.models import BaseConstraint, Model


class GuardConstraint(BaseConstraint):
    """A constraint that is SQL of our own: inline in CREATE TABLE, or statements that follow it."""

    def statements(self, vendor: str) -> list[str]:
        """Give the statements that follow CREATE TABLE; `%(table)s` stands for the table."""
        raise NotImplementedError

    def inline(self, vendor: str) -> str | None:
        """Give the clause inside CREATE TABLE, if there is one."""
        del vendor
        return None

    def constraint_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        """Answer Django's CREATE TABLE, also when it rebuilds a table on SQLite."""
        assert model is not None
        assert schema_editor is not None
        table = Table(model._meta.db_table, schema_editor.quote_name)  # noqa: SLF001 -- Django's public Meta API
        vendor = schema_editor.connection.vendor
        # Deferred statements follow the table through the rename that ends a rebuild.
        schema_editor.deferred_sql.extend(Statement(sql, table=table) for sql in self.statements(vendor))
        clause = self.inline(vendor)
        return clause and f"CONSTRAINT {schema_editor.quote_name(self.name)} {clause}"

    def create_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        """Answer AddConstraint on PostgreSQL (SQLite rebuilds the table instead)."""
        clause = self.constraint_sql(model, schema_editor)
        assert model is not None
        assert schema_editor is not None
        table = Table(model._meta.db_table, schema_editor.quote_name)  # noqa: SLF001
        if not clause:
            return None
        return Statement("ALTER TABLE %(table)s ADD %(clause)s", table=table, clause=clause)

    def remove_sql(self, model: type[Model] | None, schema_editor: BaseDatabaseSchemaEditor | None) -> Any:
        """Answer RemoveConstraint on PostgreSQL."""
        assert model is not None
        assert schema_editor is not None
        table = Table(model._meta.db_table, schema_editor.quote_name)  # noqa: SLF001
        drops = [f"DROP TRIGGER IF EXISTS {trigger} ON %(table)s" for trigger, _ in _triggers(self)]
        drops += ["ALTER TABLE %(table)s DROP CONSTRAINT %(name)s"] if self.inline("postgresql") else []
        if not drops:
            return None
        return Statement("; ".join(drops), table=table, name=schema_editor.quote_name(self.name))

    def validate(self, *_arguments: Any, **_options: Any) -> None:
        """Leave the check to the database: it is the only one that cannot be raced."""

    def __eq__(self, other: object) -> bool:
        """Compare by deconstruction, as the migration autodetector does."""
        return isinstance(other, GuardConstraint) and self.deconstruct() == other.deconstruct()

    def __hash__(self) -> int:
        return hash(self.name)


def missing_parts(models: list[type[Model]]) -> list[str]:
    """Name the parts of these models' own constraints that this database lacks or has in another form.

    A table rebuilt by hand loses its triggers silently; start-up asks here and refuses.
    """
    absent = _absent_on_sqlite if connection.vendor == "sqlite" else _absent_on_postgresql
    return [
        part
        for model in models
        for constraint in model._meta.constraints  # noqa: SLF001 -- Django's public Meta API
        if isinstance(constraint, GuardConstraint)
        for part in absent(constraint, model._meta.db_table)  # noqa: SLF001
    ]


def _absent_on_sqlite(constraint: GuardConstraint, table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL", [table])
        present = {_unquoted(sql) for (sql,) in cursor.fetchall()}
    expected = [_unquoted(sql % {"table": table}) for sql in constraint.statements("sqlite")]
    absent = [sql.split()[2] for sql in expected if sql not in present]
    clause = _unquoted(constraint.inline("sqlite") or "")
    if not any(clause in sql for sql in present):
        absent.append(constraint.name)
    return absent


def _unquoted(sql: str) -> str:
    """Forget quotes: SQLite writes them where it renames a table in a trigger."""
    return sql.replace('"', "")


def _absent_on_postgresql(constraint: GuardConstraint, table: str) -> list[str]:
    absent = []
    with connection.cursor() as cursor:
        if constraint.inline("postgresql"):
            cursor.execute(
                "SELECT 1 FROM pg_constraint WHERE conname = %s AND conrelid = to_regclass(%s) AND convalidated",
                [constraint.name, table],
            )
            absent += [] if cursor.fetchone() else [constraint.name]
        for trigger, body in _triggers(constraint):
            cursor.execute(
                "SELECT prosrc FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid "
                "WHERE tgname = %s AND tgrelid = to_regclass(%s) AND tgenabled IN ('O', 'A')",
                [trigger, table],
            )
            absent += [] if cursor.fetchone() == (body,) else [f"{trigger} (trigger)"]
    return absent


def _triggers(constraint: GuardConstraint) -> list[tuple[str, str]]:
    """Read the names of PostgreSQL's triggers, and what each one runs, out of their statements."""
    sql = "; ".join(constraint.statements("postgresql"))
    bodies = dict(re.findall(r"FUNCTION (\w+)\(\) RETURNS trigger .*?\$body\$(.*?)\$body\$", sql))
    return [
        (trigger, bodies[function])
        for trigger, function in re.findall(r"TRIGGER (\w+) .*? EXECUTE FUNCTION (\w+)\(\)", sql)
    ]
