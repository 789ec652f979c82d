"""The record of changes only grows: the database itself refuses to rewrite or delete what happened.

Two things may still be written to a row: when it was handled, and, since the law outranks the record, blanks in the
place of what identifies a customer who is erased.
"""

from typing import Any

from slotkeeper.own_constraints import GuardConstraint

# What identifies a customer, in the fields of appointments and of customers.
PERSONAL_FIELDS = ["contact_email", "contact_name", "contact_phone", "email", "name", "notes", "phone", "title"]
_PERSONAL_SUBJECTS = "('appointment', 'contact')"
_FIXED = ("id", "business_id", "subject_kind", "subject_id", "subject_version", "verb", "actor_kind", "actor_id", "at")
_BLANKABLE = ("actor_name", "source", "before", "after")
_REFUSAL = "the record of changes only grows"


class OnlyGrows(GuardConstraint):
    """Rows are added and stay; `personal` names the fields that erasing a customer may set to null."""

    def __init__(self, *, personal: list[str], name: str) -> None:
        super().__init__(name=name)
        self.personal = personal

    def deconstruct(self) -> Any:
        """Let migrations write this constraint down."""
        path, arguments, options = super().deconstruct()
        return path, arguments, options | {"personal": self.personal}

    def statements(self, vendor: str) -> list[str]:
        """Refuse updates but the two, deletes, and what removes rows without a delete trigger."""
        return self._postgresql() if vendor == "postgresql" else self._sqlite()

    def _sqlite(self) -> list[str]:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        allowed = " AND ".join(
            [
                f"({_row('NEW', _FIXED)}) IS ({_row('OLD', _FIXED)})",
                *(f"({_blanked_text(name, 'IS')})" for name in ("actor_name", "source")),
                *(f"({self._blanked_on_sqlite(name)})" for name in ("before", "after")),
            ]
        )
        return [
            f"CREATE TRIGGER {self.name}_update BEFORE UPDATE OF {_columns()} ON %(table)s "
            f"WHEN NOT ({allowed}) {refuse}",
            f"CREATE TRIGGER {self.name}_delete BEFORE DELETE ON %(table)s {refuse}",
            # OR REPLACE removes the row that stands in the way of an id without a delete trigger.
            f"CREATE TRIGGER {self.name}_insert BEFORE INSERT ON %(table)s "
            f"WHEN EXISTS (SELECT 1 FROM %(table)s WHERE id = NEW.id) {refuse}",
        ]

    def _blanked_on_sqlite(self, column: str) -> str:
        old, new = f"json_each(OLD.{column})", f"json_each(NEW.{column})"
        return (
            f"NEW.{column} IS OLD.{column} OR (OLD.subject_kind IN {_PERSONAL_SUBJECTS} "
            f"AND (NEW.{column} IS NULL) = (OLD.{column} IS NULL) "
            f"AND NOT EXISTS (SELECT 1 FROM {old} AS o LEFT JOIN {new} AS n ON n.key = o.key "
            f"WHERE (n.type, n.value) IS NOT (o.type, o.value) "
            f"AND NOT (o.key IN ({self._names()}) AND n.type IS 'null')) "
            f"AND NOT EXISTS (SELECT 1 FROM {new} AS n WHERE n.key NOT IN (SELECT key FROM {old})))"
        )

    def _postgresql(self) -> list[str]:
        allowed = " AND ".join(
            [
                f"({_row('NEW', _FIXED)}) IS NOT DISTINCT FROM ({_row('OLD', _FIXED)})",
                *(f"({_blanked_text(name, 'IS NOT DISTINCT FROM')})" for name in ("actor_name", "source")),
                *(f"({self._blanked_on_postgresql(name)})" for name in ("before", "after")),
            ]
        )
        return [
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN "
            f"IF TG_OP = 'UPDATE' THEN IF {allowed} THEN RETURN NEW; END IF; END IF; "
            f"RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'check_violation'; END $body$",
            f"CREATE OR REPLACE TRIGGER {self.name}_update BEFORE UPDATE OF {_columns()} ON %(table)s "
            f"FOR EACH ROW EXECUTE FUNCTION {self.name}()",
            f"CREATE OR REPLACE TRIGGER {self.name}_delete BEFORE DELETE ON %(table)s "
            f"FOR EACH ROW EXECUTE FUNCTION {self.name}()",
            f"CREATE OR REPLACE TRIGGER {self.name}_truncate BEFORE TRUNCATE ON %(table)s "
            f"EXECUTE FUNCTION {self.name}()",
        ]

    def _blanked_on_postgresql(self, column: str) -> str:
        return (
            f"NEW.{column} IS NOT DISTINCT FROM OLD.{column} OR (OLD.subject_kind IN {_PERSONAL_SUBJECTS} "
            f"AND (NEW.{column} IS NULL) = (OLD.{column} IS NULL) AND NOT EXISTS (SELECT 1 FROM "
            f"jsonb_each(OLD.{column}) AS o FULL JOIN jsonb_each(NEW.{column}) AS n ON n.key = o.key "
            f"WHERE n.value IS DISTINCT FROM o.value "
            f"AND NOT (coalesce(o.key IN ({self._names()}), false) AND coalesce(n.value = 'null', false))))"
        )

    def _names(self) -> str:
        return ", ".join(f"'{name}'" for name in self.personal)


def _columns() -> str:
    """Name every column but `handled_at`: the worker's writes cost no check."""
    return ", ".join(f'"{name}"' for name in (*_FIXED, *_BLANKABLE))


def _row(state: str, names: tuple[str, ...]) -> str:
    return ", ".join(f'{state}."{name}"' for name in names)


def _blanked_text(column: str, same: str) -> str:
    return f"NEW.{column} {same} OLD.{column} OR (OLD.actor_kind = 'customer' AND NEW.{column} = '')"
