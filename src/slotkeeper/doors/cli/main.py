"""The `slotkeeper` command: its arguments. What each command does stands in its own module."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from slotkeeper.configuration import BadSetting


class CommandRefused(Exception):
    """A command cannot do what it was asked; the message says why and what to do."""


def build_parser() -> argparse.ArgumentParser:
    """Describe every command; `run` names the function that does it, imported only when needed."""
    parser = argparse.ArgumentParser(prog="slotkeeper", description="Appointments that cannot be double-booked.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: str, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    serve = command("serve", "serving:serve", "Start the server: web workers and the background worker.")
    serve.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8000, help="the port to listen on (default: 8000)")
    serve.add_argument("--demo", action="store_true", help="fill an empty database with demo data first")
    serve.add_argument("--no-worker", action="store_true", help="start no background worker")
    commands.add_parser("prepare").set_defaults(run="database:prepare")  # what `serve` does first; not for people
    command("worker", "working:worker", "Run the background worker alone, for example on another machine.")
    command("migrate", "database:migrate", "Bring the database to this version's form.")
    command("check", "database:check", "Check settings, database and guard; say what is wrong.")

    owner = command("create-owner", "people:create_owner", "Make a business and its owner.")
    owner.add_argument("--email", required=True)
    owner.add_argument("--name", required=True)
    owner.add_argument("--time-zone", required=True, help="an IANA zone such as Europe/Berlin")
    owner.add_argument("--business", help="the business's name (default: the owner's)")
    token = command("create-token", "people:create_token", "Make an API token and print it, and only it.")
    token.add_argument("--email", required=True, help="the member it is for")
    token.add_argument("--name", required=True, help="what it is for")
    token.add_argument("--business", help="the business, where the member belongs to several")
    token.add_argument("--scope", choices=["read", "write"], default="write")
    token.add_argument("--expires-days", type=int, help="days until it expires (default: never)")
    reset = command("reset-password", "people:reset_password", "Print a link with which a person sets a new password.")
    reset.add_argument("--email", required=True)
    trial = command("send-test-mail", "mail_trial:send_test_mail", "Send a mail; say what the mail server answered.")
    trial.add_argument("--to", required=True, metavar="ADDRESS", help="where to send it")
    trial.add_argument("--even-if-held", action="store_true", help="also while sending is held")

    import_ = command("import", "calendar_import:import_file", "Book the events of an .ics calendar export.")
    import_.add_argument("file", metavar="FILE.ics")
    import_.add_argument("--email", required=True, help="the member whose appointments they become")
    import_.add_argument("--business", help="the business, where the member belongs to several")
    import_.add_argument("--with-past", action="store_true", help="store past events too, as completed")
    import_.add_argument("--until", help="expand endless series up to this date (default: 12 months ahead)")
    _describe_data_commands(command)
    return parser


def _describe_data_commands(command: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    export = command("export", "export:export", "Write everything as .ics and .json.")
    export.add_argument("--to", default=".", metavar="FOLDER", help="where to write (default: this folder)")
    backup = command("backup", "backup:backup", "Write a consistent copy of the database while it runs.")
    backup.add_argument("file", metavar="FILE")
    backup.add_argument("--force", action="store_true", help="replace FILE if it exists")
    restore = command("restore", "backup:restore", "Replace the database by a backup, and hold sending.")
    restore.add_argument("file", metavar="FILE")
    restore.add_argument("--yes", action="store_true", help="do not ask")
    command("release-sending", "backup:release_sending", "Let messages leave again after a restore.")
    remind = command("send-reminders", "reminders:send_reminders", "Send the reminders that are due, once.")
    remind.add_argument("--json", action="store_true", help="print the result as JSON")
    hold = command("hold-sending", "sending:hold_sending", "Let no message leave until sending is released.")
    hold.add_argument("--reason", default="Held by hand", help="what the pages say about it")
    command("reseal-secrets", "secrets:reseal_secrets", "Seal stored secrets with the first encryption key.")
    demo = command("demo", "demo:demo", "Fill an empty database with a practice at work.")
    demo.add_argument("--if-empty", action="store_true", help="without an error where one is not empty")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    options = build_parser().parse_args(arguments)
    module, _, function = options.run.partition(":")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "slotkeeper.settings")
    try:
        if module != "serving":  # the serving parent stays small; see there
            import django  # noqa: PLC0415 -- `--help` need not wait for it

            django.setup()
        run: Callable[[argparse.Namespace], int | None] = getattr(
            importlib.import_module(f"slotkeeper.doors.cli.{module}"), function
        )
        return run(options) or 0
    except (CommandRefused, BadSetting) as error:
        print(f"slotkeeper: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
