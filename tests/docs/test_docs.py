"""What exists is documented, and what is documented exists."""

import argparse
import re
from pathlib import Path

from slotkeeper.configuration import SETTINGS
from slotkeeper.doors.api.urls import router
from slotkeeper.doors.cli.main import build_parser
from slotkeeper.doors.permission_table import render_permissions
from slotkeeper.worker.loop import JOBS

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def test_every_setting_is_documented_with_its_name():
    documented = set(re.findall(r"^\| `([A-Z_]+)`", page("settings.md"), re.MULTILINE))
    assert documented == {name for name, _, _ in SETTINGS.values()}


def test_every_command_and_option_is_documented():
    subparsers = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    text = page("commands.md")
    for choice in subparsers._choices_actions:
        line = next((row for row in text.splitlines() if row.startswith(f"| `slotkeeper {choice.dest}")), None)
        assert line is not None, choice.dest
        for action in subparsers.choices[choice.dest]._actions:
            for option in action.option_strings:
                if option not in {"-h", "--help"}:
                    assert option in line, f"{choice.dest} {option}"


def test_every_job_of_the_worker_is_documented():
    for job in JOBS:
        assert f"| {job.name} |" in page("commands.md")


def test_every_path_of_the_api_is_documented():
    text = page("api.md")
    for pattern in router.urls:
        route = re.sub(r"<record_id:\w+>", "<id>", f"/api/{pattern.pattern}")
        route = re.sub(r"<\w+:(\w+)>", r"<\1>", route)
        last = "/" + route.rsplit("/", 1)[1]
        assert route in text or last in text, route


def test_no_two_shapes_of_the_api_share_a_name():
    # The generated document knows shapes by name: of two, it would describe one and lose the other.
    shapes = re.findall(r"^class (\w+)\((?:msgspec\.Struct|Problem|StrEnum)", api_source(), re.MULTILINE)
    assert sorted(shapes) == sorted(set(shapes))


def api_source() -> str:
    return "\n".join(path.read_text() for path in sorted((ROOT / "src/slotkeeper/doors/api").glob("*.py")))


def test_the_permission_table_is_rendered_from_the_code():
    assert page("permissions.md") == render_permissions()


def test_every_code_the_api_answers_is_documented():
    used = set()
    for path in (ROOT / "src/slotkeeper/doors").rglob("*.py"):
        used |= set(re.findall(r'"([A-Z]{4,}(?:_[A-Z]+)*)"', path.read_text()))
    codes = {code for code in used if "_" in code} - {
        "INTERNAL_ERROR",
        "HTTP_AUTHORIZATION",
        "REMOTE_ADDR",
        "SERVER_PORT",
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "REQUEST_METHOD",
        "FIRST_DAY_OF_WEEK",
        "TIME_FORMAT",
    }
    codes = {code for code in codes if not code.startswith(("HTTP_", "SLOTKEEPER_", "DJANGO_", "SUPERVISOR_"))}
    assert not {code for code in codes if code not in page("api.md")}


def test_every_decision_is_listed():
    listed = page("decisions/README.md")
    for path in (DOCS / "decisions").glob("0*.md"):
        assert path.name in listed


def test_every_link_between_pages_leads_somewhere():
    for path in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"
