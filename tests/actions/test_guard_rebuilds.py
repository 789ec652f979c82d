"""The guard through migrations, and how a guard with a part missing is noticed."""

import re
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.migrations import operations as op
from django.db.migrations.loader import MigrationLoader

from actions.by_hand import (
    insert,
    insertion,
    is_refused,
    on_postgresql,
    on_sqlite,
    sql,
)
from race.harness import out_of_step, overlaps_stored
from race.scratch import scratch_copy
from slotkeeper.own_constraints import GuardConstraint, missing_parts

KEPT = [("changes", "Change"), ("billing", "Invoice"), ("billing", "Quote")]
GUARDED = [("appointments", "Appointment"), ("appointments", "TimeClaim"), *KEPT]
HELD = models.Q(id__gt=0)


def missing(registry=apps) -> list[str]:
    return missing_parts([registry.get_model(*name) for name in GUARDED])


@pytest.fixture
def scratch(committed_cast) -> Iterator[None]:
    """A copy of the database to rebuild, with one appointment in it."""
    insert(committed_cast.owner)
    with scratch_copy():
        yield


def migrate(state, app_label: str, *steps: op.base.Operation):
    """Apply the operations as one migration would; return the state they lead to."""
    with connection.schema_editor() as editor:
        for step in steps:
            after = state.clone()
            step.state_forwards(app_label, after)
            step.database_forwards(app_label, editor, state, after)
            state = after
    return state


def test_guard_is_whole_after_all_migrations(db):
    assert missing() == []


@pytest.mark.parametrize(
    ("app_label", "name"),
    [
        *GUARDED,
        ("appointments", "Hold"),
        ("people", "User"),
        ("people", "Business"),
        ("contacts", "Contact"),
        ("offerings", "Resource"),
    ],
)
def test_guard_survives_djangos_rebuilds_of(scratch, committed_cast, app_label, name):
    state = MigrationLoader(connection).project_state()
    constraint = models.CheckConstraint(condition=HELD, name="extra_check")
    steps = [
        op.AddField(name, "extra", models.TextField(db_default="")),
        op.AlterField(name, "extra", models.CharField(max_length=40, null=True)),
        op.RenameField(name, "extra", "more"),
        op.AddConstraint(name, constraint),
        op.AddIndex(name, models.Index(fields=["more"], name="extra_index")),
        op.RemoveIndex(name, "extra_index"),
        op.RemoveConstraint(name, "extra_check"),
        op.AlterUniqueTogether(name, {("id", "more")}),
        op.AlterUniqueTogether(name, set()),
        op.RemoveField(name, "more"),
    ]
    for step in steps:
        state = migrate(state, app_label, step)
        assert missing(state.apps) == [], step.describe()
        assert is_refused(insertion(committed_cast.owner)), step.describe()
    state = migrate(state, app_label, *steps)  # and all of them in one migration
    assert missing(state.apps) == []
    assert is_refused(insertion(committed_cast.owner))
    sql("UPDATE appointments SET status = 'canceled'")
    insert(committed_cast.owner)
    assert (overlaps_stored(), out_of_step()) == (0, 0)


@pytest.mark.parametrize(("app_label", "name"), [*GUARDED, ("people", "User"), ("offerings", "Resource")])
def test_guard_survives_a_table_renamed_and_renamed_back(scratch, committed_cast, app_label, name):
    state = MigrationLoader(connection).project_state()
    table = apps.get_model(app_label, name)._meta.db_table
    state = migrate(state, app_label, op.AlterModelTable(name, "renamed"))
    refused = (
        insertion(committed_cast.owner).replace("INTO appointments", "INTO renamed")
        if name == "Appointment"
        else insertion(committed_cast.owner)
    )
    if (connection.vendor, name) == ("postgresql", "TimeClaim"):
        # The functions name the table; without it nothing at all can be booked.
        assert missing(state.apps) == []
    else:
        assert is_refused(refused)
    state = migrate(state, app_label, op.AlterModelTable(name, table))
    assert missing(state.apps) == []
    assert is_refused(insertion(committed_cast.owner))


@pytest.mark.parametrize(("app_label", "name"), GUARDED)
def test_every_part_can_be_taken_out_and_put_back_by_a_migration(scratch, committed_cast, app_label, name):
    state = MigrationLoader(connection).project_state()
    parts = [
        part for part in state.apps.get_model(app_label, name)._meta.constraints if isinstance(part, GuardConstraint)
    ]
    for _ in range(2):
        for part in parts:
            state = migrate(state, app_label, op.RemoveConstraint(name, part.name))
            assert any(absent.startswith(part.name) for absent in missing())
            state = migrate(state, app_label, op.AddConstraint(name, part))
            assert missing() == []
    assert is_refused(insertion(committed_cast.owner))


# What is missing is noticed


@on_sqlite
def test_every_dropped_or_changed_trigger_is_noticed(db):
    triggers = sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    assert len(triggers) == 24
    for name, statement in triggers:
        sql(f"DROP TRIGGER {name}")
        assert missing() == [name]
        sql(re.sub(" BEGIN .* END", " BEGIN SELECT 1; END", statement))
        assert missing() == [name]
        sql(f"DROP TRIGGER {name}")
        sql(statement)
        assert missing() == []


@on_sqlite
@pytest.mark.parametrize(
    ("table", "parts"), [("appointments", 6), ("time_claims", 7), ("changes", 3), ("invoices", 4), ("quotes", 4)]
)
def test_rebuild_by_hand_that_loses_the_triggers_is_noticed(scratch, committed_cast, table, parts):
    (create,) = sql(f"SELECT sql FROM sqlite_master WHERE name = '{table}' AND type = 'table'")[0]
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute("PRAGMA legacy_alter_table = ON")
        cursor.execute(create.replace(f'"{table}"', "rebuilt", 1))
        cursor.execute(f"INSERT INTO rebuilt SELECT * FROM {table}")
        cursor.execute(f"DROP TABLE {table}")
        cursor.execute(f"ALTER TABLE rebuilt RENAME TO {table}")
    assert len(missing()) == parts
    if table in {"appointments", "time_claims"}:
        insert(committed_cast.owner)
        assert overlaps_stored() == 1


@on_sqlite
def test_table_rebuilt_without_its_checks_is_noticed(scratch):
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA writable_schema = ON")
        cursor.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ' IS datetime(', ' IS trim(') WHERE name = 'appointments'"
        )
    connection.close()
    assert missing() == ["appointments_whole_seconds"]


@on_postgresql
def test_every_disabled_or_dropped_trigger_is_noticed(db):
    triggers = sql(
        "SELECT tgname, tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger "
        "WHERE NOT tgisinternal AND tgrelid::regclass::text IN "
        "('appointments', 'time_claims', 'changes', 'invoices', 'quotes')"
    )
    assert len(triggers) == 15
    for name, table, definition in triggers:
        for state in ("DISABLE", "ENABLE REPLICA"):
            sql(f"ALTER TABLE {table} {state} TRIGGER {name}")
            assert missing() == [f"{name} (trigger)"]
        sql(f"DROP TRIGGER {name} ON {table}")
        assert missing() == [f"{name} (trigger)"]
        sql(definition)
        assert missing() == []


@on_postgresql
def test_every_dropped_constraint_is_noticed(db):
    names = sql(
        "SELECT conname, conrelid::regclass::text FROM pg_constraint "
        "WHERE conname LIKE 'time_claims_one_per_%' OR conname LIKE '%_whole_seconds' "
        "OR (conname LIKE '%_fk' AND conrelid = 'time_claims'::regclass)"
    )
    assert len(names) == 8
    for count, (name, table) in enumerate(names, 1):
        sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        assert name in missing()
        assert len(missing()) == count


@on_postgresql
def test_every_replaced_function_is_noticed(db):
    functions = sql(
        "SELECT DISTINCT proname FROM pg_proc JOIN pg_trigger ON tgfoid = pg_proc.oid WHERE NOT tgisinternal"
    )
    assert len(functions) == 7
    nothing = "RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
    for (name,) in functions:
        sql(f"CREATE OR REPLACE FUNCTION {name}() {nothing}")
        assert any(part.startswith(name) for part in missing())
    assert len(missing()) == 15


@on_postgresql
def test_trigger_that_runs_another_function_is_noticed(db):
    sql(
        "CREATE OR REPLACE TRIGGER time_claims_one_per_user BEFORE INSERT OR UPDATE ON time_claims "
        "FOR EACH ROW EXECUTE FUNCTION time_claims_one_per_resource()"
    )
    assert missing() == ["time_claims_one_per_user (trigger)"]
