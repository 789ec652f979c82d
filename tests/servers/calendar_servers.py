"""Radicale and Xandikos, as people run them, on free ports; each is started once for a test run."""

import atexit
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from servers.postgresql import free_port

until_exit = ExitStack()
atexit.register(until_exit.close)


def temporary_folder(name):
    folder = Path(tempfile.mkdtemp(prefix=f"slotkeeper-{name}-"))
    until_exit.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def start(command, url, folder, **options):
    """Start a server and wait until it answers anything at all; it dies with us, however we end."""
    command = ["setpriv", "--pdeathsig", "KILL", *command]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, **options)
    until_exit.callback(_stop, process)
    for _ in range(400):
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            assert process.poll() is None, (folder / "server.log").read_text()
            time.sleep(0.05)
        else:
            return
    raise AssertionError((folder / "server.log").read_text())


def _stop(process):
    process.kill()  # at once: nothing of theirs is kept
    process.wait()


@cache
def radicale():
    """Give Radicale's URL and the folder in which it keeps its collections; the user is ada, with her password."""
    folder, port = temporary_folder("radicale"), free_port()
    (folder / "users").write_text("ada:secret words\n")
    settings = {
        "server": {"hosts": f"127.0.0.1:{port}"},
        "auth": {"type": "htpasswd", "htpasswd_filename": folder / "users", "htpasswd_encryption": "plain", "delay": 0},
        "storage": {"filesystem_folder": folder / "collections"},
        "logging": {"level": "warning"},
    }
    lines = []
    for section, values in settings.items():
        lines += [f"[{section}]", *(f"{name} = {value}" for name, value in values.items())]
    (folder / "config").write_text("\n".join(lines))
    url = f"http://127.0.0.1:{port}/"
    start([sys.executable, "-m", "radicale", "--config", str(folder / "config")], url, folder)
    return url, folder / "collections"


@cache
def xandikos():
    """Give Xandikos' URL; it asks nobody for a password."""
    folder, port = temporary_folder("xandikos"), free_port()
    command = [str(Path(sys.executable).with_name("xandikos")), "serve", "-d", str(folder), "--defaults"]
    command += ["--autocreate", "--current-user-principal", "/ada/", "-l", "127.0.0.1", "-p", str(port)]
    url = f"http://127.0.0.1:{port}/"
    start(command, url, folder)
    return url
