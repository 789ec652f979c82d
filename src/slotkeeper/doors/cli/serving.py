"""`slotkeeper serve`: its processes, and how they end.

The parent holds no Django: it prepares the database in a child, then runs granian's web workers
and one background worker, which it restarts when it dies. Every child dies with its parent.
"""

import argparse
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time

from slotkeeper.configuration import DEFAULT_URL, read_configuration
from slotkeeper.doors.cli.main import CommandRefused
from slotkeeper.doors.cli.processes import SUPERVISOR

_RESTART_SECONDS = (1, 2, 5, 15, 60)
_STEADY_SECONDS = 60
_HEAD_START_SECONDS = 2  # the page answers sooner when the web workers load first


def serve(options: argparse.Namespace) -> int:
    """Prepare the database and serve until SIGTERM or Ctrl-C."""
    configuration = read_configuration(os.environ)
    _refuse_taken_port(options.host, options.port)
    if "SLOTKEEPER_URL" not in os.environ and configuration.url == DEFAULT_URL:
        # Links must lead back here, also when only the port was chosen.
        os.environ["SLOTKEEPER_URL"] = f"http://localhost:{options.port}"
    os.environ[SUPERVISOR] = str(os.getpid())
    preparation = ["demo", "--if-empty"] if options.demo else ["prepare"]
    prepared = subprocess.run([sys.executable, "-m", "slotkeeper", *preparation], check=False)  # noqa: S603 -- our own
    if prepared.returncode:
        return prepared.returncode
    worker = None if options.no_worker else BackgroundWorker()
    url = os.environ.get("SLOTKEEPER_URL", configuration.url)
    return _run_web_workers(options, configuration.web_workers, configuration.web_threads, worker, url)


class BackgroundWorker:
    """Runs the worker in a process of its own and restarts it when it dies."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="worker-supervisor", daemon=True)

    def start(self) -> None:
        """Start supervising."""
        self._thread.start()

    def stop(self) -> None:
        """Let the worker finish what it is doing, for at most ten seconds."""
        self._is_stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(2)

    def _supervise(self) -> None:
        deaths = 0
        self._is_stopping.wait(_HEAD_START_SECONDS)
        while not self._is_stopping.is_set():
            started = time.monotonic()
            self._process = subprocess.Popen([sys.executable, "-m", "slotkeeper", "worker"])
            code = self._process.wait()
            if self._is_stopping.is_set():
                return
            deaths = 0 if time.monotonic() - started > _STEADY_SECONDS else deaths + 1
            pause = _RESTART_SECONDS[min(deaths, len(_RESTART_SECONDS) - 1)]
            # Ctrl-C reaches the worker too, perhaps before us: wait, then speak.
            if not self._is_stopping.wait(pause):
                print(f"The background worker ended with code {code} and starts again.", file=sys.stderr)


def _refuse_taken_port(host: str, port: int) -> None:
    if not 1 <= port <= 65535:
        raise CommandRefused(f"{port} is no port: choose one from 1 to 65535.")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise CommandRefused(f"{host} is no address of this machine. Try --host 127.0.0.1.") from None
    except PermissionError:
        raise CommandRefused(
            f"Port {port} needs root. Choose one above 1023 and put a reverse proxy in front."
        ) from None
    except OSError as error:
        raise CommandRefused(
            f"Port {port} on {host} is not free ({error.strerror}). Choose another: slotkeeper serve --port {port + 1}."
        ) from None


def _run_web_workers(
    options: argparse.Namespace, workers: int, threads: int, background: BackgroundWorker | None, url: str
) -> int:
    from granian import Granian  # noqa: PLC0415 -- not needed by the other commands
    from granian.constants import Interfaces  # noqa: PLC0415
    from granian.log import LogLevels  # noqa: PLC0415

    # A forked worker would inherit the locks of the thread that supervises the background worker.
    multiprocessing.set_start_method("spawn")
    server = Granian(
        "slotkeeper.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=threads,
        backlog=1024,
        respawn_failed_workers=True,
        workers_kill_timeout=10,
        log_level=LogLevels.warning,
        process_name=None,
    )

    @server.on_startup
    def started() -> None:
        if background:
            background.start()
        print(f"Slotkeeper listens on {options.host}:{options.port}. Open {url}", flush=True)

    @server.on_shutdown
    def stopping() -> None:
        if background:
            background.stop()

    server.serve()
    return 0
