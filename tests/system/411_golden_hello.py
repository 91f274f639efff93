"""How a TLS connection begins: the same for every user, but for what has to be fresh each time."""

import sys
import time
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HelloCatcher, LabTest, faketime_environment, in_namespaces, query

# OpenSSL 3.0, its own choice and order, for the name localhost. It changes when OpenSSL does, for all of its users:
# then look at what is new, and whether it could tell one user from another.
GOLDEN = bytes.fromhex(
    """
    16030101410100013d0303000000000000000000000000000000000000000000000000000000000000000020000000000000000000000000
    0000000000000000000000000000000000000000003e130213031301c02cc030009fcca9cca8ccaac02bc02f009ec024c028006bc023c027
    0067c00ac0140039c009c0130033009d009c003d003c0035002f00ff010000b60000000e000c0000096c6f63616c686f7374000b00040300
    0102000a00160014001d0017001e0019001801000101010201030104002300000010000b000908687474702f312e31001600000017000000
    0d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b00050403040303002d
    00020101003300260024001d00200000000000000000000000000000000000000000000000000000000000000000
    """
)


class GoldenHello(LabTest):
    def catch(self, *ways: dict) -> list:
        """The hellos of queries that were made in these ways."""
        with HelloCatcher() as catcher:
            for way in ways:
                resolve = ("--resolve", f"localhost:{catcher.port}:127.0.0.1")
                result = query(f"https://localhost:{catcher.port}/", *resolve, ca_file=self.ca_file, **way)
                self.assert_exit(result, 1)
            return catcher.hellos

    def test_its_bytes(self) -> None:
        (hello,) = self.catch({})
        self.assertEqual(hello.masked.hex(" ", 2), GOLDEN.hex(" ", 2))

    def test_users_cannot_be_told_apart(self) -> None:
        folder = self.world.folder("configuration")
        weak = folder / "openssl.cnf"
        weak.write_text(
            "openssl_conf = all\n[all]\nssl_conf = ssl\n[ssl]\nsystem_default = default\n"
            "[default]\nCipherString = DEFAULT:@SECLEVEL=0\nMinProtocol = TLSv1\nGroups = secp521r1\n"
        )
        others = [
            {"environment": {"LANG": "de_DE.UTF-8", "LC_ALL": "de_DE.UTF-8", "TZ": "Pacific/Kiritimati"}},
            {"environment": {"OPENSSL_CONF": str(weak)}},
            {"environment": faketime_environment(-3e8)},
            {"prefix": [*in_namespaces("uts"), "sh", "-c", 'hostname another-machine; exec "$@"', "sh"]},
            {"requests": 12},
        ]
        first, *rest = self.catch({}, *others)
        for way, hello in zip(others, rest, strict=True):
            with self.subTest(way):
                self.assertEqual(hello.masked, first.masked)

    def test_what_is_fresh_is_random(self) -> None:
        before = time.time()
        hellos = self.catch({}, {}, {}, {})
        for part in ("random", "session", "keys"):
            with self.subTest(part):
                self.assertEqual(len({getattr(hello, part) for hello in hellos}), len(hellos))
        for hello in hellos:  # TLS once began with the local time
            self.assertGreater(abs(int.from_bytes(hello.random[:4], "big") - before), 100)


if __name__ == "__main__":
    unittest.main()
