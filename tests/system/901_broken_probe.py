"""A probe that dies, hangs, floods or writes garbage costs its own source, and no other."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HONEST, HostileServer, LabTest, Result, copy_of_executables, in_parallel, query

# Stands in for sdwdate-probe, which has its job as one record on the socket that is its standard input. Jobs for
# certain ports it does badly, each in its own way; all others it leaves, unread, to the real probe.
STAND_IN = """#!/usr/bin/python3 -I
import os, signal, socket, sys, time
channel = socket.socket(fileno=0)
job = channel.recv(65536, socket.MSG_PEEK)

def linger():  # as long as the test's folder exists
    while os.path.exists("{real}"):
        time.sleep(0.1)

for port, misbehaviour in {misbehaviours}.items():
    if b":%d" % port in job:
        exec(misbehaviour)
os.execv("{real}", ["{real}"])
"""

MISBEHAVIOURS = {
    "dies": "os.kill(os.getpid(), signal.SIGSEGV)",
    "exits with a failure": "sys.exit(7)",
    "exits as if done": "sys.exit(0)",
    "hangs": "linger()",
    "hangs and ignores signals": "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); linger()",
    "sends garbage": "channel.send(os.urandom(256)); linger()",
    "sends garbage of another size": "channel.send(os.urandom(17)); linger()",
    "sends an empty record": "channel.send(b''); linger()",
    "sends a huge record": "channel.send(bytes(100000)); linger()",
    "floods": "while True: channel.send(bytes(256))",
    "talks back": "channel.send(job[:256]); linger()",
    "keeps the channel in a child": "os.fork() and sys.exit(0); linger()",
}

#: Those that say nothing are not waited for once the others have agreed.
SILENT = ("hangs", "keeps the channel in a child")

PATIENCE = 30.0


class BrokenProbe(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        world = cls.world
        cls.honest = world.start(*(HostileServer(HONEST, world.certificate) for _ in range(3)))
        cls.victims = world.start(*(HostileServer(HONEST, world.certificate) for _ in MISBEHAVIOURS))
        cls.folder = copy_of_executables(world.folder("bin"))

    def replace_probe(self) -> None:
        probe, real = self.folder / "sdwdate-probe", self.folder / "sdwdate-probe.real"
        probe.rename(real)
        ports = [victim.port for victim in self.victims]
        table = dict(zip(ports, MISBEHAVIOURS.values(), strict=True))
        probe.write_text(STAND_IN.format(misbehaviours=table, real=real))
        probe.chmod(0o755)

    def ask(self, *more: HostileServer) -> Result:
        urls = [server.url for server in (*self.honest, *more)]
        return query(*urls, ca_file=self.ca_file, requests=2, seconds=PATIENCE, folder=self.folder)

    def test_broken_probes(self) -> None:
        self.replace_probe()
        results = in_parallel(self.ask, self.victims, workers=4)
        for name, victim, result in zip(MISBEHAVIOURS, self.victims, results, strict=True):
            with self.subTest(name):
                self.check(result, victim, "timeout" if name in SILENT else "probe_crashed")
        (self.folder / "sdwdate-probe").unlink()
        self.check_without_a_probe()

    def check(self, result: Result, victim: HostileServer, code: str) -> None:
        """The others agree, and the victim's own trouble is told."""
        self.assert_exit(result, 0)
        self.assert_within(result.selection, 0.0)
        for source in result.sources:
            if source["url"] == victim.url:
                self.assert_source_failed(source, code, result)
            else:
                self.assertEqual(source["outcome"], "truechimer", f"\n{result}")
        self.assertEqual(victim.connections, [], "the real probe was not to be run")
        self.assertLess(result.seconds, 7, f"\n{result}")

    def check_without_a_probe(self) -> None:
        """Half an installation: it says what is missing."""
        result = self.ask()
        self.assertNotEqual(result.exit_code, 0)
        self.assertIn("sdwdate-probe", result.stdout + result.stderr)


if __name__ == "__main__":
    unittest.main()
