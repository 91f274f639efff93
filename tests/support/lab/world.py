"""The throw-away world itself: one temporary folder and all that runs in it."""

import atexit
import contextlib
import functools
import itertools
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import Protocol, TypeVar

from .certificates import Certificate, CertificateAuthority, Validity
from .webservers import WebServer

LOCAL_NAMES = ("localhost", "127.0.0.1", "::1")


class Service(Protocol):
    """Anything a world can run: a program or a server of this package."""

    def start(self) -> None: ...
    def wait_ready(self) -> None: ...
    def ask_to_stop(self) -> None: ...
    def stop(self) -> object: ...


S = TypeVar("S", bound=Service)
W = TypeVar("W", bound=WebServer)


class Interrupted(KeyboardInterrupt):
    """A signal asks this program to end. A KeyboardInterrupt, because unittest goes on after anything else."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(f"ended by {signal.Signals(signal_number).name}")
        self.signal_number = signal_number


def _raise_interrupted(signal_number: int, _frame: FrameType | None) -> None:
    raise Interrupted(signal_number)


class World:
    """`with World() as world:` ends what was started in it and removes its folder, however the block is left.

    SIGINT, SIGTERM and SIGHUP become `Interrupted` as long as it lasts. What unittest leaves behind after an
    interrupt, the interpreter's exit cleans up.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="sdwdate-lab-"))
        # With a umask of 002, what is made here could be changed by a group, and would be refused for that.
        os.umask(0o022)
        # Servers drop to other users, who must get at their files; keys are readable by their owner only.
        self.directory.chmod(0o755)
        self._services: list[Service] = []
        self._old_handlers: dict[int, object] = {}
        self._closing = threading.Lock()
        atexit.register(self.close)

    def __enter__(self) -> "World":
        for number in self._SIGNALS:
            self._old_handlers[number] = signal.signal(number, _raise_interrupted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End everything. Interrupts wait meanwhile: half a clean-up would leave servers running."""
        if not self._closing.acquire(blocking=False):
            return
        for number in self._old_handlers:
            signal.signal(number, signal.SIG_IGN)
        for service in self._services:
            service.ask_to_stop()
        for service in reversed(self._services):
            service.stop()
        shutil.rmtree(self.directory, ignore_errors=True)
        for number, handler in self._old_handlers.items():
            signal.signal(number, handler)
        atexit.unregister(self.close)

    def folder(self, name: str) -> Path:
        """A new folder of that name, with a number if there is one already. Any thread may ask."""
        for number in itertools.count(1):
            path = self.directory / (name if number == 1 else f"{name}-{number}")
            with contextlib.suppress(FileExistsError):
                path.mkdir(mode=0o755)
                return path
        raise AssertionError("unreachable: numbers do not end")

    @functools.cached_property
    def ca(self) -> CertificateAuthority:
        """The authority that clients are told to trust."""
        return CertificateAuthority(self.folder("ca"))

    @functools.cached_property
    def certificate(self) -> Certificate:
        """A good certificate for this machine's loopback names and addresses, valid since years."""
        return self.ca.issue(LOCAL_NAMES, Validity.days(-3650, 3650))

    def start(self, *services: S) -> Sequence[S]:
        """Start all of them, then wait until each is ready."""
        for service in services:
            self._services.append(service)
            service.start()
        for service in services:
            service.wait_ready()
        return services

    def serve(self, *kinds: type[W]) -> Sequence[W]:
        """One web server of each kind, with the good certificate."""
        return self.start(*(kind(self.folder(kind.implementation), self.certificate) for kind in kinds))

    def run(self, service: S) -> S:
        """Start one and wait until it is ready."""
        self.start(service)
        return service
