"""`sdwdate doctor` for an ordinary user: what needs root is left unchecked and says so; nothing else is missing."""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import Chronyd, LabTest, as_nobody, copy_of_executables, run


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
        self.assertEqual(len(checks), 16)
        sockets = checks["chrony-sockets"]
        self.assertEqual((sockets["verdict"], sockets["text"]), ("not_checked", "needs root"))
        # Seen without root: that it runs, and what its network looks like.
        self.assertEqual(checks["chronyd"]["verdict"], "problem")
        self.assertNotIn("does not run", checks["chronyd"]["text"])
        self.assertIn(checks["chrony-network"]["verdict"], ("ok", "problem"))
        people = run("sdwdate", "doctor", prefix=as_nobody(), folder=self.executables)
        self.assertIn("Root sees more: sudo sdwdate doctor", people.stdout)


if __name__ == "__main__":
    unittest.main()
