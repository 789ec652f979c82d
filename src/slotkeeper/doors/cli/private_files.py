"""Files that hold everybody's data: readable by their owner only, and whole or not there at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slotkeeper.doors.cli.main import CommandRefused


@contextmanager
def private_file(path: Path) -> Iterator[Path]:
    """Give an empty file beside `path`; it takes that name once it was written without an error."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
        os.close(descriptor)
    except OSError as error:
        raise CommandRefused(f"{path} cannot be written: {error.strerror}.") from None
    part = Path(name)
    try:
        yield part
        _flush_to_disk(part)
        part.replace(path)
        _flush_to_disk(path.parent)  # the new name, too, must outlive a power cut
    except OSError as error:
        raise CommandRefused(f"{path} was not written: {error.strerror}.") from None
    finally:
        part.unlink(missing_ok=True)


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
