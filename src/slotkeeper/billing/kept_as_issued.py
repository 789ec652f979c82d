"""What was sent or issued never changes: the database itself refuses to rewrite or delete it, on both engines.

What may still change is how it stands: its status, what was paid and taken back. To which customer and appointment it
belongs may be filled in or forgotten, not exchanged. Drafts are free.
"""

from typing import Any

from slotkeeper.own_constraints import GuardConstraint

REFUSAL = "what was issued never changes"


class KeptAsIssued(GuardConstraint):
    """Rows that are no drafts stay, and keep the columns in `fixed`; those in `loose` go only to null or from it."""

    def __init__(self, *, fixed: list[str], loose: list[str], name: str) -> None:
        super().__init__(name=name)
        self.fixed, self.loose = fixed, loose

    def deconstruct(self) -> Any:
        """Let migrations write this constraint down."""
        path, arguments, options = super().deconstruct()
        return path, arguments, options | {"fixed": self.fixed, "loose": self.loose}

    def statements(self, vendor: str) -> list[str]:
        """Refuse updates of what is fixed, deletes, and what removes rows without a delete trigger."""
        return self._postgresql() if vendor == "postgresql" else self._sqlite()

    def _allowed(self, same: str) -> str:
        new, old = (", ".join(f'{state}."{name}"' for name in self.fixed) for state in ("NEW", "OLD"))
        loose = (
            f'(NEW."{name}" IS NULL OR coalesce(OLD."{name}", NEW."{name}") = NEW."{name}")' for name in self.loose
        )
        return " AND ".join([f"({new}) {same} ({old})", "NEW.status <> 'draft'", *loose])

    def _sqlite(self) -> list[str]:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        # OR REPLACE removes the rows that stand in the way of an id or a number without a delete trigger.
        in_the_way = (
            "SELECT 1 FROM %(table)s WHERE status <> 'draft' AND (id = NEW.id "
            "OR (business_id = NEW.business_id AND sequence = NEW.sequence))"
        )
        return [
            f"CREATE TRIGGER {self.name}_update BEFORE UPDATE ON %(table)s "
            f"WHEN OLD.status <> 'draft' AND NOT ({self._allowed('IS')}) {refuse}",
            f"CREATE TRIGGER {self.name}_number BEFORE UPDATE ON %(table)s "
            f"WHEN OLD.status = 'draft' AND EXISTS ({in_the_way}) {refuse}",
            f"CREATE TRIGGER {self.name}_delete BEFORE DELETE ON %(table)s WHEN OLD.status <> 'draft' {refuse}",
            f"CREATE TRIGGER {self.name}_insert BEFORE INSERT ON %(table)s WHEN EXISTS ({in_the_way}) {refuse}",
        ]

    def _postgresql(self) -> list[str]:
        raised = f"RAISE EXCEPTION '{REFUSAL}' USING ERRCODE = 'check_violation'"
        return [
            # It names no table, as start-up compares its text with this one. Nothing empties these tables at once.
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN "
            "IF TG_OP <> 'TRUNCATE' THEN "
            "IF OLD.status = 'draft' THEN RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END; END IF; "
            f"IF TG_OP = 'UPDATE' THEN IF {self._allowed('IS NOT DISTINCT FROM')} THEN RETURN NEW; END IF; END IF; "
            f"END IF; {raised}; END $body$",
            f"CREATE OR REPLACE TRIGGER {self.name}_update BEFORE UPDATE ON %(table)s "
            f"FOR EACH ROW EXECUTE FUNCTION {self.name}()",
            f"CREATE OR REPLACE TRIGGER {self.name}_delete BEFORE DELETE ON %(table)s "
            f"FOR EACH ROW EXECUTE FUNCTION {self.name}()",
            f"CREATE OR REPLACE TRIGGER {self.name}_truncate BEFORE TRUNCATE ON %(table)s "
            f"EXECUTE FUNCTION {self.name}()",
        ]
