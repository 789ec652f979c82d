"""Table rebuilds that spare the triggers of other tables."""

from typing import Any

from django.db.backends.sqlite3 import schema


class DatabaseSchemaEditor(schema.DatabaseSchemaEditor):
    """Django's schema editor, for a database whose triggers refer to other tables."""

    def _remake_table(self, model: Any, *arguments: Any, **options: Any) -> None:
        """Set the triggers of other tables aside while this table does not exist for a moment.

        A rebuild drops the table and renames its copy; SQLite refuses the rename while any
        trigger refers to a missing table (since 3.26, sqlite.org/lang_altertable.html).
        """
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name <> %s",
                [model._meta.db_table],  # noqa: SLF001 -- Django's public Meta API
            )
            triggers = cursor.fetchall()
        for name, _ in triggers:
            self.execute(f"DROP TRIGGER {self.quote_name(name)}")
        super()._remake_table(model, *arguments, **options)  # type: ignore[misc]  # the stubs leave it out
        for _, sql in triggers:
            self.execute(sql, params=None)
