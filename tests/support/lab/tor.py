"""A private Tor network: authorities, relays, onion services and clients, all of it real and on loopback.

    network = world.run(TorNetwork(world.folder("tor"), {"news": {443: nginx.port}}))
    network.client.socks, network.onions["news"]

It takes about 20 seconds. Nothing of it reaches the real Tor network: the authorities are its own.
"""

import random
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .daemons import FAKETIME_LIBRARIES, Daemon, faketime_environment, find_program
from .ports import free_port
from .waiting import LabError, wait_until

_AUTHORITIES = 3
_RELAYS = 5
#: Between two consensuses. One is valid for three of these.
_INTERVAL = 300
#: From when the authorities know all relays to the first consensus; voting takes four seconds of it.
_LEAD = 6
_PATIENCE = 90
_RELAY_PORT = 5000
_DIRECTORY_PORT = 7000


class TorNode(Daemon):
    """One tor process with its own torrc and data."""

    ready_seconds = _PATIENCE

    def __init__(self, name: str, directory: Path, network: Sequence[str], lines: Sequence[str]) -> None:
        super().__init__(f"tor ({name})", directory)
        self.data = directory / "data"
        self.data.mkdir(mode=0o700, exist_ok=True)
        self._torrc = directory / "torrc"
        self.notices = directory / "notice.log"
        self._clock_offset: float | None = None
        self.configure([*_COMMON, *network, f"DataDirectory {self.data}", f"Log notice file {self.notices}", *lines])

    def configure(self, lines: Sequence[str]) -> None:
        self._lines = list(lines)
        self._torrc.write_text("\n".join(lines) + "\n")

    def replace(self, name: str, value: object) -> None:
        """Another value for one option, from the next reload on."""
        self.configure([f"{name} {value}" if line.split()[0] == name else line for line in self._lines])

    def add(self, line: str) -> None:
        """One more option, from the next start on."""
        self.configure([*self._lines, line])

    def command(self) -> Sequence[str]:
        return [find_program("tor", "tor"), "--defaults-torrc", "/dev/null", "-f", str(self._torrc)]

    def is_ready(self) -> bool:
        return self.notices.exists() and "Bootstrapped 100%" in self.notices.read_text(errors="replace")

    def set_clock(self, offset: float) -> None:
        """By how much its clock is off, from its next start on."""
        self._clock_offset = offset

    def environment(self) -> Mapping[str, str]:
        return {} if self._clock_offset is None else _faketime(self._clock_offset)

    def reload(self) -> None:
        """It reads its torrc again, and tries at once what it would have tried again later."""
        if self.running:
            self._process.send_signal(signal.SIGHUP)

    def said(self) -> str:
        return self.notices.read_text(errors="replace") if self.notices.exists() else ""


class TorClient(TorNode):
    """What users have. `clock_offset` seconds are added to its clock; `clock_file` may say how many, and change it."""

    def __init__(
        self,
        name: str,
        directory: Path,
        network: Sequence[str],
        *,
        clock_offset: float | None = None,
        clock_file: Path | None = None,
        cookies: bool = True,
        lines: Sequence[str] = (),
    ) -> None:
        # Files of the control port are open to whoever may use it, and to nobody else.
        directory.chmod(0o711)
        self.socks_port, self.plain_socks_port, self.control_port = free_port(), free_port(), free_port()
        self.socks_path = directory / "sockets" / "socks"
        self.control_path = directory / "sockets" / "control"
        self.socks_path.parent.mkdir(mode=0o700, exist_ok=True)
        self.cookie = directory / "control.authcookie"
        self._clock_file = clock_file
        super().__init__(name, directory, network, [
            "ClientOnly 1",
            "VanguardsLiteEnabled 0",
            "ClientUseIPv6 0",
            # Of so few relays, a path is soon an impossible one: it is to be given up soon, too.
            "LearnCircuitBuildTimeout 0",
            "CircuitBuildTimeout 4",
            f"SocksPort 127.0.0.1:{self.socks_port} IsolateSOCKSAuth ExtendedErrors",
            f"SocksPort 127.0.0.1:{self.plain_socks_port} IsolateSOCKSAuth",
            f"SocksPort unix:{self.socks_path} IsolateSOCKSAuth ExtendedErrors",
            f"ControlPort 127.0.0.1:{self.control_port}",
            f"ControlSocket {self.control_path}",
            *(["CookieAuthentication 1", f"CookieAuthFile {self.cookie}"] if cookies else []),
            *lines,
        ])  # fmt: skip
        self._clock_offset = clock_offset

    def environment(self) -> Mapping[str, str]:
        if self._clock_file is None:
            return super().environment()
        variables = _faketime(0)
        del variables["FAKETIME"]
        return variables | {"FAKETIME_TIMESTAMP_FILE": str(self._clock_file), "FAKETIME_CACHE_DURATION": "1"}

    @property
    def socks(self) -> str:
        """ADDRESS:PORT of the SOCKS port that says what is wrong in Tor's extended errors."""
        return f"127.0.0.1:{self.socks_port}"

    @property
    def proxy_url(self) -> str:
        return f"socks5h://{self.socks}"

    def control(self) -> "TorControl":
        return TorControl(self.control_port, self.cookie)

    def ask(self, command: str) -> str:
        """One question, or one order."""
        with self.control() as control:
            return control.ask(command)

    def circuits(self) -> list[dict[str, str]]:
        """Its circuits that were made for somebody who gave a user and a password."""
        return [circuit for circuit in self.all_circuits() if "SOCKS_USERNAME" in circuit]

    def all_circuits(self) -> list[dict[str, str]]:
        """Number ("id"), relays ("path") and attributes of each that is built."""
        built = re.findall(r"^(\d+) BUILT (\S+)(.*)$", self.ask("GETINFO circuit-status"), re.M)
        return [
            {"id": number, "path": path, **dict(re.findall(r'(\w+)="?([^" ]*)"?', rest))} for number, path, rest in built
        ]


class TorControl:
    """A controller as simple as can be, for what a test wants to know of Tor by another way than ours."""

    def __init__(self, port: int, cookie: Path) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._stream = self._socket.makefile("rb")
        self.ask(f"AUTHENTICATE {cookie.read_bytes().hex()}")

    def __enter__(self) -> "TorControl":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._socket.close()

    def event(self, patience: float) -> str:
        """The next one of those that were asked for, which must come as long as the `patience` lasts."""
        self._socket.settimeout(patience)
        return self._stream.readline().decode().rstrip("\r\n")

    def ask(self, command: str) -> str:
        """The text of the answer; an error if Tor refuses."""
        self._socket.sendall(command.encode() + b"\r\n")
        lines = []
        in_data = False
        while True:
            line = self._stream.readline().decode().rstrip("\r\n")
            if in_data:
                in_data = line != "."
                lines.append(line)
                continue
            if not line.startswith("25"):
                raise LabError(f"tor answers to {command!r}: {line}")
            lines.append(line[4:])
            in_data = line[3] == "+"
            if line[3] == " ":
                return "\n".join(lines)


class TorNetwork:
    """Three authorities, five relays, the onion services, and one client.

    `onions` are names with what each forwards: from a port of the onion address to one of ours on loopback.
    """

    def __init__(self, directory: Path, onions: Mapping[str, Mapping[int, int]]) -> None:
        self.directory = directory
        self._ports = onions
        second, third = random.SystemRandom().choices(range(2, 200), k=2)
        self._second, self._third = second, third
        self._nodes: list[TorNode] = []
        self._clients = 0
        self.lines: Sequence[str] = ()
        self.client: TorClient

    # --- as a service of the world

    def start(self) -> None:
        """All is done by wait_ready, step by step."""

    def wait_ready(self) -> None:
        self._make_authorities()
        self._wait("the authorities to know all relays", self._authorities_know_all)
        self._vote()
        self._wait("a consensus", self._has_consensus)
        self._bootstrap(self.relays)
        self._services = self._run(self._onion_node())
        self.client = self.add_client()
        self._bootstrap([self.client])
        self._wait("the onion services to be published", self._published)
        for name in self._ports:
            self._wait(f"onion service {name} to answer", lambda name=name: self._answers(name))

    def ask_to_stop(self) -> None:
        for node in self._nodes:
            node.ask_to_stop()

    def stop(self) -> None:
        self.ask_to_stop()
        for node in self._nodes:
            node.stop()

    # --- what there is

    @property
    def onions(self) -> dict[str, str]:
        """Names and addresses of the onion services."""
        return {name: (self._onion_folder(name) / "hostname").read_text().strip() for name in self._ports}

    def add_client(self, **options: object) -> TorClient:
        """Starts one more client, of its own data; does not wait for it."""
        self._clients += 1
        name = f"client-{self._clients}"
        return self._run(TorClient(name, self._folder(name), self.lines, **options))

    def address(self, number: int) -> str:
        """Of `relays[number]`: nobody would take them for neighbours, since each is in a /16 of its own."""
        return f"127.{self._second + number}.{self._third}.10"

    def bridge(self) -> tuple[str, str]:
        """Address and fingerprint of a relay that serves as a bridge, too."""
        last = len(self.relays) - 1
        fingerprint = (self.relays[last].data / "fingerprint").read_text().split()[1]
        return f"{self.address(last)}:{_RELAY_PORT}", fingerprint

    def connect_through(self, port: int) -> None:
        """From now on all connections between Tors go by the SOCKS5 proxy at `port`; there are no more votes then."""
        line = f"Socks5Proxy 127.0.0.1:{port}"
        self.lines = [*self.lines, line]
        for node in self._nodes:
            node.ask_to_stop()
        for node in self._nodes:
            node.stop()
            node.add(line)
            node.start()
        for name in self._ports:
            self._wait(f"onion service {name} to answer again", lambda name=name: self._answers(name))

    def consensus_interval(self) -> tuple[str, str]:
        """From when to when the newest consensus is valid, as it says."""
        text = (self._authorities[0].data / "cached-microdesc-consensus").read_text()
        return tuple(re.search(rf"^{name} (.*)$", text, re.M)[1] for name in ("valid-after", "valid-until"))

    # --- how it comes about

    def _folder(self, name: str) -> Path:
        path = self.directory / name
        path.mkdir(mode=0o700)
        return path

    def _run(self, node: TorNode) -> TorNode:
        self._nodes.append(node)
        node.start()
        return node

    def _wait(self, what: str, condition) -> None:  # noqa: ANN001
        def alive_and() -> bool:
            for node in self._nodes:
                if not node.running:
                    raise LabError(f"{node.name} ended\n{node.log_tail()}")
            return condition()

        wait_until(alive_and, _PATIENCE, what)

    def _make_authorities(self) -> None:
        folders = [self._folder(f"authority-{number}") for number in range(_AUTHORITIES)]
        addresses = [self.address(number) for number in range(_AUTHORITIES)]
        with ThreadPoolExecutor(_AUTHORITIES) as pool:
            self.lines = list(pool.map(_make_keys, folders, addresses))
        # The first vote is as far away as can be, until all relays are known; then it is at once.
        self._bandwidths = self.directory / "bandwidths"
        far = (int(time.time()) - 8) % _INTERVAL
        self._authorities = [
            self._run(TorNode(folder.name, folder, self.lines, [
                *_relay_lines(folder.name, address), *_authority_lines(address, self._bandwidths, far),
            ]))
            for folder, address in zip(folders, addresses, strict=True)
        ]  # fmt: skip
        self.relays = list(self._authorities)
        for number in range(_RELAYS):
            name = f"relay-{number}"
            lines = _relay_lines(name, self.address(_AUTHORITIES + number))
            self.relays.append(self._run(TorNode(name, self._folder(name), self.lines, lines)))

    def _authorities_know_all(self) -> bool:
        def known(node: TorNode) -> int:
            texts = [node.data / name for name in ("cached-descriptors", "cached-descriptors.new")]
            found = "".join(path.read_text(errors="replace") for path in texts if path.exists())
            return len(set(re.findall(r"^router (\S+)", found, re.M)))

        return all(known(node) == _AUTHORITIES + _RELAYS for node in self._authorities)

    def _vote(self) -> None:
        # With equal weights; else the one relay that has moved a byte is chosen for every place in a path.
        relays = "".join(f"node_id=${(node.data / 'fingerprint').read_text().split()[1]} bw=10000\n"
                         for node in self.relays)  # fmt: skip
        self._bandwidths.write_text(f"{int(time.time())}\n{relays}")
        soon = (int(time.time()) + _LEAD) % _INTERVAL
        for node in self._authorities:
            node.replace("TestingV3AuthVotingStartOffset", soon)
            node.reload()

    def _has_consensus(self) -> bool:
        paths = [node.data / "cached-microdesc-consensus" for node in self._authorities]
        return all(path.exists() and path.stat().st_size > 0 for path in paths)

    def _bootstrap(self, nodes: Sequence[TorNode]) -> None:
        """Wait for these; each second, those that wait for a retry are told to try now."""
        finished = threading.Event()

        def encourage() -> None:
            while not finished.wait(1):
                for node in nodes:
                    if not node.is_ready():
                        node.reload()

        thread = threading.Thread(target=encourage)
        thread.start()
        try:
            self._wait("all to bootstrap", lambda: all(node.is_ready() for node in nodes))
        finally:
            finished.set()
            thread.join()

    def _onion_folder(self, name: str) -> Path:
        return self.directory / "onions" / name

    def _onion_node(self) -> TorNode:
        folder = self._folder("onions")
        self._rendezvous_log = folder / "rendezvous.log"
        lines = [
            "SocksPort 0", "ClientOnly 1", "VanguardsLiteEnabled 0", "ClientUseIPv6 0",
            "LearnCircuitBuildTimeout 0", "CircuitBuildTimeout 4",
            f"Log [rend]info file {self._rendezvous_log}", f"Log [dir]info file {self._rendezvous_log}",
        ]  # fmt: skip
        for name, ports in self._ports.items():
            lines += [f"HiddenServiceDir {self._onion_folder(name)}", "HiddenServiceVersion 3"]
            lines += [f"HiddenServicePort {ours} 127.0.0.1:{theirs}" for ours, theirs in ports.items()]
        return TorNode("onions", folder, self.lines, lines)

    def _published(self) -> bool:
        log = self._rendezvous_log.read_text(errors="replace") if self._rendezvous_log.exists() else ""
        return log.count("Uploading hidden service descriptor: finished with status 200") >= 2 * len(self._ports)

    def _answers(self, name: str) -> bool:
        """Does a connection come about?"""
        host = self.onions[name].encode()
        port = next(iter(self._ports[name]))
        try:
            with socket.create_connection(("127.0.0.1", self.client.socks_port), timeout=15) as connection:
                connection.sendall(b"\x05\x01\x00")
                connection.recv(2)
                connection.sendall(b"\x05\x01\x00\x03" + bytes([len(host)]) + host + port.to_bytes(2, "big"))
                return connection.recv(10)[1:2] == b"\x00"
        except OSError:
            return False


def _make_keys(folder: Path, address: str) -> str:
    """An authority's keys; returns the line by which others know it."""
    keys = folder / "data" / "keys"
    keys.mkdir(parents=True, mode=0o700)
    keys.parent.chmod(0o700)
    subprocess.run(
        [
            find_program("tor-gencert", "tor"), "--create-identity-key", "--passphrase-fd", "0", "-m", "12", "-a",
            f"{address}:{_DIRECTORY_PORT}", "-i", "authority_identity_key", "-s", "authority_signing_key", "-c",
            "authority_certificate",
        ],
        input=b"sdwdate\n", cwd=keys, check=True, capture_output=True,
    )  # fmt: skip
    shown = subprocess.run(
        [
            find_program("tor", "tor"), "--quiet", "--defaults-torrc", "/dev/null", "-f", "/dev/null",
            "--ignore-missing-torrc", "--list-fingerprint", "--orport", "1", "--nickname", _nickname(folder.name),
            "--datadirectory", str(folder / "data"), "--dirauthority",
            "x 127.0.0.1:1 ffffffffffffffffffffffffffffffffffffffff",
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    identity = re.search(r"^fingerprint (\S+)", (keys / "authority_certificate").read_text(), re.M)[1]
    fingerprint = "".join(shown.stdout.splitlines()[-1].split()[1:])
    return (
        f"DirAuthority {_nickname(folder.name)} orport={_RELAY_PORT} no-v2 v3ident={identity} "
        f"{address}:{_DIRECTORY_PORT} {fingerprint}"
    )


def _faketime(offset: float) -> dict[str, str]:
    """The library for programs with threads, and without its trick for condition variables, which stops tor."""
    library = FAKETIME_LIBRARIES[0].with_name("libfaketimeMT.so.1") if FAKETIME_LIBRARIES else None
    return {**faketime_environment(offset), "LD_PRELOAD": str(library), "FAKETIME_FORCE_MONOTONIC_FIX": "0"}


def _nickname(name: str) -> str:
    return name.replace("-", "")


_COMMON = (
    "TestingTorNetwork 1",
    "RunAsDaemon 0",
    "ShutdownWaitLength 0",
    "SafeLogging 0",
    "AvoidDiskWrites 0",
    "NumCPUs 1",
    "GeoIPFile /dev/null",
    "GeoIPv6File /dev/null",
    "PathsNeededToBuildCircuits 0.25",
    "TestingDirConnectionMaxStall 5 seconds",
    "TestingServerDownloadInitialDelay 0",
    "TestingClientDownloadInitialDelay 0",
    "TestingServerConsensusDownloadInitialDelay 0",
    "TestingClientConsensusDownloadInitialDelay 0",
    "TestingBridgeDownloadInitialDelay 0",
    "ClientBootstrapConsensusAuthorityDownloadInitialDelay 0",
    "ClientBootstrapConsensusFallbackDownloadInitialDelay 0",
    "ClientBootstrapConsensusAuthorityOnlyDownloadInitialDelay 0",
)


def _relay_lines(name: str, address: str) -> list[str]:
    return [
        f"Nickname {_nickname(name)}",
        f"Address {address}",
        f"ORPort {address}:{_RELAY_PORT} IPv4Only",
        f"OutboundBindAddress {address}",
        "SocksPort 0",
        "AssumeReachable 1",
        "ExitRelay 1",
        "IPv6Exit 0",
        # Clients go by a summary of this, in which loopback alone would count for nothing.
        "ExitPolicy accept *:*",
        "ExitPolicyRejectPrivate 0",
        "ServerDNSDetectHijacking 0",
        "ServerDNSTestAddresses",
        "ServerDNSResolvConfFile /dev/null",
        "ServerDNSAllowBrokenConfig 1",
        "ContactInfo none@example.invalid",
        "PublishServerDescriptor 1",
        "DirCache 1",
        "HeartbeatPeriod 0",
        "BandwidthRate 1 GBytes",
        "BandwidthBurst 1 GBytes",
    ]


def _authority_lines(address: str, bandwidths: Path, offset: int) -> list[str]:
    return [
        f"DirPort {address}:{_DIRECTORY_PORT}",
        "AuthoritativeDirectory 1",
        "V3AuthoritativeDirectory 1",
        "AuthDirTestEd25519LinkKeys 0",
        "AuthDirMaxServersPerAddr 0",
        f"TestingV3AuthInitialVotingInterval {_INTERVAL}",
        "TestingV3AuthInitialVoteDelay 2",
        "TestingV3AuthInitialDistDelay 2",
        f"TestingV3AuthVotingStartOffset {offset}",
        f"V3AuthVotingInterval {_INTERVAL}",
        "V3AuthVoteDelay 2",
        "V3AuthDistDelay 2",
        "V3AuthNIntervalsValid 3",
        f"V3BandwidthsFile {bandwidths}",
        "TestingDirAuthVoteExit *",
        "TestingDirAuthVoteGuard *",
        "TestingDirAuthVoteHSDir *",
        "TestingMinExitFlagThreshold 0",
        "TestingAuthDirTimeToLearnReachability 0",
        "MinUptimeHidServDirectoryV2 0",
    ]
