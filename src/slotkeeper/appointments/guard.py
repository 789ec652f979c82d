"""The guard: time claims in the database, on both engines.

A row of `time_claims` is a stretch of time that nothing else may touch. Claims of one claimant
never overlap: PostgreSQL refuses by an exclusion constraint, SQLite by a trigger (its writers are
serial: transactions are IMMEDIATE). A trigger on `appointments` writes the claims, so however a
row gets in, by any door or by hand, the guard holds. All of it is written as Django constraints,
so that migrations create it and Django's own table rebuilds recreate it.
"""

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.utils import IntegrityError

from slotkeeper.own_constraints import GuardConstraint
from slotkeeper.rules.appointment_status import CLAIMING

_CLAIMING = ", ".join(f"'{status}'" for status in sorted(CLAIMING))
_CLAIM = "INSERT INTO time_claims (user_id, claimed_from, claimed_until, appointment_id, is_main)"
_RESTORE_ALL = (
    f"{_CLAIM} SELECT user_id, blocked_from, blocked_until, id, true FROM appointments WHERE status IN ({_CLAIMING})"
)
_MOVE = (
    "UPDATE time_claims SET claimed_from = NEW.blocked_from, claimed_until = NEW.blocked_until, "
    "user_id = CASE WHEN is_main THEN NEW.user_id ELSE user_id END WHERE appointment_id = NEW.id;"
)
_RESTORE = f"{_RESTORE_ALL} AND id = OLD.appointment_id;"
_IN_STEP = (
    "SELECT 1 FROM appointments WHERE id = OLD.appointment_id AND id = NEW.appointment_id AND NEW.is_main "
    "AND (user_id, blocked_from, blocked_until)"
)
_OUT_OF_STEP = "a claim follows its appointment"
# People first: a booking claims its own person before the rooms.
_LOCK_ORDER = "key & 1, key"


class ForeignKeyAction(GuardConstraint):
    """A foreign key that the database itself acts on, so that plain SQL deletes behave too."""

    def __init__(self, *, column: str, references: str, on_delete: str, name: str) -> None:
        super().__init__(name=name)
        self.column, self.references, self.on_delete = column, references, on_delete

    def deconstruct(self) -> Any:
        """Let migrations write this constraint down."""
        path, arguments, options = super().deconstruct()
        return (
            path,
            arguments,
            options | {"column": self.column, "references": self.references, "on_delete": self.on_delete},
        )

    def statements(self, vendor: str) -> list[str]:
        """Nothing follows."""
        del vendor
        return []

    def inline(self, vendor: str) -> str:
        """Deferred to the commit, as Django's own foreign keys are."""
        del vendor
        return (
            f'FOREIGN KEY ("{self.column}") REFERENCES "{self.references}" ("id") '
            f"ON DELETE {self.on_delete} DEFERRABLE INITIALLY DEFERRED"
        )


class WholeSeconds(GuardConstraint):
    """Times are whole seconds, as everything that reads them assumes, and none is infinite.

    On SQLite they are also text that must sort: exactly `YYYY-MM-DD HH:MM:SS`, in UTC. One row
    with a `T` would sort wrongly and slip past the guard.
    """

    def __init__(self, *, columns: list[str], name: str) -> None:
        super().__init__(name=name)
        self.columns = columns

    def deconstruct(self) -> Any:
        """Let migrations write this constraint down."""
        path, arguments, options = super().deconstruct()
        return path, arguments, options | {"columns": self.columns}

    def statements(self, vendor: str) -> list[str]:
        """Nothing follows."""
        del vendor
        return []

    def inline(self, vendor: str) -> str:
        """datetime() writes that very form; infinity modulo 1 is no number, so it is not 0 either."""
        check = '"{0}" IS datetime("{0}")' if vendor == "sqlite" else 'mod(extract(epoch from "{0}"), 1) = 0'
        return "CHECK (" + " AND ".join(check.format(column) for column in self.columns) + ")"


class NoOverlap(GuardConstraint):
    """Claims of one claimant (`user_id` or `resource_id`) never overlap; touching is allowed.

    Because they never do, the last claim that starts before my end decides alone: one index seek.
    Expired holds of the claimant are deleted first, by the database's clock.

    A person's claims also stay with their appointments: an appointment's own claim (`is_main`)
    changed by hand is refused, and one deleted by hand comes back. Refusing that too would stop
    Django's ORM, which deletes the claims first and their appointment after them.
    """

    def __init__(self, *, claimant: str, name: str) -> None:
        super().__init__(name=name)
        self.claimant = claimant

    def deconstruct(self) -> Any:
        """Let migrations write this constraint down."""
        path, arguments, options = super().deconstruct()
        return path, arguments, options | {"claimant": self.claimant}

    def inline(self, vendor: str) -> str | None:
        """PostgreSQL's half: an exclusion constraint (needs btree_gist)."""
        if vendor != "postgresql":
            return None
        return (
            f"EXCLUDE USING gist ({self.claimant} WITH =, tstzrange(claimed_from, claimed_until) WITH &&) "
            f"WHERE ({self.claimant} IS NOT NULL)"
        )

    def statements(self, vendor: str) -> list[str]:
        """SQLite's half: triggers that refuse; PostgreSQL's: one that locks the claimant first."""
        is_person = self.claimant == "user_id"
        if vendor == "postgresql":
            return self._postgresql() + (self._kept_on_postgresql() if is_person else [])
        return self._sqlite() + (self._kept_on_sqlite() if is_person else [])

    def _sqlite(self) -> list[str]:
        column = self.claimant
        triggers = []
        for event, when, itself in (
            ("insert", "INSERT", ""),
            ("update", f"UPDATE OF {column}, claimed_from, claimed_until", "AND id <> OLD.id"),
        ):
            triggers.append(
                f"CREATE TRIGGER {self.name}_{event} BEFORE {when} ON %(table)s "
                f"WHEN NEW.{column} IS NOT NULL BEGIN DELETE FROM time_claims "
                f"WHERE {column} = NEW.{column} AND held_until <= CURRENT_TIMESTAMP {itself}; "
                f"SELECT RAISE(ABORT, '{self.name}') WHERE (SELECT claimed_until FROM time_claims "
                f"WHERE {column} = NEW.{column} AND claimed_from < NEW.claimed_until {itself} "
                "ORDER BY claimed_from DESC LIMIT 1) > NEW.claimed_from; END"
            )
        return triggers

    def _kept_on_sqlite(self) -> list[str]:
        refuse = f"BEGIN SELECT RAISE(ABORT, '{_OUT_OF_STEP}'); END"
        return [
            # OR REPLACE removes the row that stands in the way of an id without a delete trigger.
            f"CREATE TRIGGER {self.name}_kept_insert BEFORE INSERT ON %(table)s "
            f"WHEN EXISTS (SELECT 1 FROM time_claims WHERE id = NEW.id AND is_main) {refuse}",
            f"CREATE TRIGGER {self.name}_kept_update BEFORE UPDATE ON %(table)s "
            "WHEN NEW.id <> OLD.id OR (OLD.is_main AND NOT EXISTS "
            f"({_IN_STEP} IS (NEW.user_id, NEW.claimed_from, NEW.claimed_until))) {refuse}",
            f"CREATE TRIGGER {self.name}_kept_delete AFTER DELETE ON %(table)s WHEN OLD.is_main BEGIN {_RESTORE} END",
        ]

    def _postgresql(self) -> list[str]:
        # An exclusion constraint alone deadlocks under contention: each of two inserters finds the
        # other's row and waits. With one lock per claimant the second simply comes later.
        column, parity = self.claimant, 0 if self.claimant == "user_id" else 1
        return [
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN "
            f"PERFORM pg_advisory_xact_lock(NEW.{column} * 2 + {parity}); "
            f"DELETE FROM time_claims WHERE {column} = NEW.{column} AND held_until <= clock_timestamp() "
            "AND id IS DISTINCT FROM NEW.id; RETURN NEW; END $body$",
            f"CREATE OR REPLACE TRIGGER {self.name} BEFORE INSERT OR UPDATE ON %(table)s "
            f"FOR EACH ROW WHEN (NEW.{column} IS NOT NULL) EXECUTE FUNCTION {self.name}()",
        ]

    def _kept_on_postgresql(self) -> list[str]:
        when = f"ON %(table)s FOR EACH ROW WHEN (OLD.is_main) EXECUTE FUNCTION {self.name}_kept()"
        return [
            f"CREATE OR REPLACE FUNCTION {self.name}_kept() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN "
            f"IF TG_OP = 'TRUNCATE' THEN {_RESTORE_ALL}; ELSIF TG_OP = 'DELETE' THEN {_RESTORE} "
            f"ELSIF NOT EXISTS ({_IN_STEP} IS NOT DISTINCT FROM "
            "(NEW.user_id, NEW.claimed_from, NEW.claimed_until)) "
            f"THEN RAISE EXCEPTION '{_OUT_OF_STEP}' USING ERRCODE = 'check_violation'; "
            "END IF; RETURN NEW; END $body$",
            f"CREATE OR REPLACE TRIGGER {self.name}_kept_update BEFORE UPDATE {when}",
            f"CREATE OR REPLACE TRIGGER {self.name}_kept_delete AFTER DELETE {when}",
            f"CREATE OR REPLACE TRIGGER {self.name}_kept_truncate AFTER TRUNCATE ON %(table)s "
            f"EXECUTE FUNCTION {self.name}_kept()",
        ]


class ClaimsTime(GuardConstraint):
    """Keeps an appointment's claims in step with it, whoever writes the appointment."""

    def statements(self, vendor: str) -> list[str]:
        """Write the main claim, move every claim, release every claim."""
        return self._postgresql() if vendor == "postgresql" else self._sqlite()

    def _sqlite(self) -> list[str]:
        on, name = "ON %(table)s", self.name
        release = "DELETE FROM time_claims WHERE appointment_id ="
        claim = f"{_CLAIM} SELECT NEW.user_id, NEW.blocked_from, NEW.blocked_until, NEW.id, true"
        return [
            # INSERT OR REPLACE removes the old row without a delete trigger: release its claims here.
            f"CREATE TRIGGER {name}_insert AFTER INSERT {on} BEGIN {release} NEW.id; {claim} "
            f"WHERE NEW.status IN ({_CLAIMING}) "
            "AND NOT EXISTS (SELECT 1 FROM time_claims WHERE appointment_id = NEW.id); END",
            f"CREATE TRIGGER {name}_move AFTER UPDATE OF user_id, blocked_from, blocked_until {on} "
            f"WHEN NEW.status IN ({_CLAIMING}) AND OLD.status IN ({_CLAIMING}) AND "
            "(NEW.user_id, NEW.blocked_from, NEW.blocked_until) IS NOT "
            f"(OLD.user_id, OLD.blocked_from, OLD.blocked_until) BEGIN {_MOVE} END",
            f"CREATE TRIGGER {name}_release AFTER UPDATE OF status {on} WHEN NEW.status NOT IN ({_CLAIMING}) "
            f"BEGIN {release} NEW.id; END",
            f"CREATE TRIGGER {name}_reclaim AFTER UPDATE OF status {on} "
            f"WHEN NEW.status IN ({_CLAIMING}) AND OLD.status NOT IN ({_CLAIMING}) BEGIN {claim}; END",
            f"CREATE TRIGGER {name}_delete AFTER DELETE {on} BEGIN {release} OLD.id; END",
            # The sqlite3 shell does not enforce foreign keys: under a new id no claim would follow.
            f"CREATE TRIGGER {name}_same_id BEFORE UPDATE {on} WHEN NEW.id <> OLD.id "
            "BEGIN SELECT RAISE(ABORT, 'an appointment keeps its id'); END",
        ]

    def _postgresql(self) -> list[str]:
        return [
            f"CREATE OR REPLACE FUNCTION {self.name}() RETURNS trigger LANGUAGE plpgsql AS $body$ BEGIN "
            "IF TG_OP = 'UPDATE' THEN "
            f"IF (NEW.status IN ({_CLAIMING}), NEW.user_id, NEW.blocked_from, NEW.blocked_until) "
            "IS NOT DISTINCT FROM "
            f"(OLD.status IN ({_CLAIMING}), OLD.user_id, OLD.blocked_from, OLD.blocked_until) "
            "THEN RETURN NULL; END IF; "
            # All claimants are locked in one order first, or two moves could wait for each other. A release
            # locks too: whoever waits for its row would hold the lock that this transaction may want next.
            "PERFORM pg_advisory_xact_lock(key) FROM (SELECT key FROM (SELECT NEW.user_id * 2 AS key "
            "UNION SELECT coalesce(user_id * 2, resource_id * 2 + 1) FROM time_claims "
            f"WHERE appointment_id = NEW.id) AS claimants ORDER BY {_LOCK_ORDER}) AS ordered; "
            "END IF; "
            f"IF NEW.status NOT IN ({_CLAIMING}) THEN "
            "DELETE FROM time_claims WHERE appointment_id = NEW.id; "
            f"ELSIF TG_OP = 'INSERT' OR OLD.status NOT IN ({_CLAIMING}) THEN "
            f"{_CLAIM} VALUES (NEW.user_id, NEW.blocked_from, NEW.blocked_until, NEW.id, true); "
            "ELSE "
            f"{_MOVE} END IF; RETURN NULL; END $body$",
            f"CREATE OR REPLACE TRIGGER {self.name} "
            "AFTER INSERT OR UPDATE OF status, user_id, blocked_from, blocked_until "
            f"ON %(table)s FOR EACH ROW EXECUTE FUNCTION {self.name}()",
        ]


def lock_claimants(user_ids: Iterable[int], resource_ids: Iterable[int] = ()) -> None:
    """Lock everyone whose time a transaction is about to claim, before its first write.

    A transaction that claims time of several, or gives up a hold before it books, calls this
    first; two that lock in different orders would wait for each other. SQLite's writers are serial.
    """
    if connection.vendor == "postgresql":
        keys = [user_id * 2 for user_id in user_ids] + [resource_id * 2 + 1 for resource_id in resource_ids]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(key) FROM "
                f"(SELECT key FROM unnest(%s::bigint[]) AS key ORDER BY {_LOCK_ORDER}) AS ordered",
                [keys],
            )


def is_overlap(error: IntegrityError) -> bool:
    """Say whether the guard refused: the time belongs to someone else's claim."""
    cause: Any = error.__cause__
    if connection.vendor == "postgresql":
        return getattr(cause, "sqlstate", "") == "23P01"
    return str(error).startswith("time_claims_one_per_")
