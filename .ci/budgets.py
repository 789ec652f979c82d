"""Check the budgets that keep the code readable: file and function length, and where imports stand.

Parameters are counted by ruff. The figures are the 90th percentile of codebases we admire.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

FILE_LINES, FUNCTION_LINES = 400, 50
ROOT = Path(__file__).resolve().parents[1]


def problems_of(path: Path) -> Iterator[str]:
    """Name what is over budget in one file."""
    text = path.read_text(encoding="utf-8")
    name, lines = path.relative_to(ROOT), text.count("\n")
    if lines > FILE_LINES:
        yield f"{name}: {lines} lines, at most {FILE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES:
            yield f"{name}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES}"
        for inner in ast.walk(node):
            if isinstance(inner, ast.ImportFrom) and (inner.module or "").startswith("slotkeeper"):
                yield f"{name}:{inner.lineno}: {node.name} imports {inner.module} locally"


def main() -> int:
    """Check every source, test and bench file, migrations excepted."""
    folders = ("src", "core", "tests", "bench", ".ci")
    files = [
        path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")) if "migrations" not in path.parts
    ]
    problems = [problem for path in files for problem in problems_of(path)]
    print("\n".join(problems) or f"budgets: {len(files)} files are within them")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
