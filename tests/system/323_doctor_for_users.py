"""`sdwdate doctor` for an ordinary user, on this machine: what needs root is left unchecked and says so; and does a
proxy answer?"""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import (
    HONEST, Chronyd, HostileServer, LabTest, Microsocks, as_nobody, copy_of_executables, dead_port, run,
)  # fmt: skip


class DoctorForUsers(LabTest):
    @classmethod
    def set_up_world(cls) -> None:
        cls.executables = copy_of_executables(cls.world.folder("bin"))
        cls.chronyd = cls.world.run(Chronyd(cls.world.folder("chrony")))

    @unittest.skipUnless(os.geteuid() == 0, "an ordinary user may look at a chronyd of its own")
    def test_what_needs_root_says_so(self) -> None:
        result = run("sdwdate", "doctor", "--json", prefix=as_nobody(), folder=self.executables)
        self.assert_exit(result, 1)  # nothing is installed here
        self.assertEqual(result.stderr, "")
        checks = {each["check"]: each for each in result.json["checks"]}
        self.assertEqual(len(checks), 17)
        sockets = checks["chrony-sockets"]
        self.assertEqual((sockets["verdict"], sockets["text"]), ("not_checked", "needs root"))
        # Seen without root: that it runs, and what its network looks like.
        self.assertEqual(checks["chronyd"]["verdict"], "problem")
        self.assertNotIn("does not run", checks["chronyd"]["text"])
        self.assertIn(checks["chrony-network"]["verdict"], ("ok", "problem"))
        people = run("sdwdate", "doctor", prefix=as_nobody(), folder=self.executables)
        self.assertIn("Root sees more: sudo sdwdate doctor", people.stdout)

    def proxy(self, port: int) -> tuple[str, str]:
        configuration = self.world.folder("configuration") / "sdwdate.toml"
        configuration.write_text(f'transport = "tor"\n[tor]\nsocks = "127.0.0.1:{port}"\n')
        result = run("sdwdate", "doctor", "--json", "--config", configuration)
        (finding,) = (each for each in result.json["checks"] if each["check"] == "proxy")
        return finding["verdict"], finding["text"]

    def test_a_proxy_that_speaks_socks5(self) -> None:
        proxy = self.world.run(Microsocks(self.world.folder("proxy")))
        self.assertEqual(self.proxy(proxy.port), ("ok", f"127.0.0.1:{proxy.port} speaks SOCKS5"))

    def test_a_proxy_that_is_not_there(self) -> None:
        verdict, text = self.proxy(dead_port())
        self.assertEqual(verdict, "problem")
        self.assertIn("nobody answers", text)

    def test_something_else_in_its_place(self) -> None:
        server = self.world.run(HostileServer(HONEST, self.world.certificate))
        verdict, text = self.proxy(int(server.url.rstrip("/").rpartition(":")[2]))
        self.assertEqual(verdict, "problem")
        self.assertRegex(text, "SOCKS5")


if __name__ == "__main__":
    unittest.main()
