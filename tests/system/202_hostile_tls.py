"""Certificates: names, trust, and validity at the time the server claims, whatever the local clock says."""

import ssl
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from lab import HONEST, CertificateAuthority, HostileServer, LabTest, Validity, dead_port, in_parallel, query, run

DAY = 86400.0
LOCAL = ("localhost", "127.0.0.1")


class HostileTls(LabTest):
    def serve(self, certificate, **options) -> HostileServer:
        return self.world.run(HostileServer(HONEST, certificate, **options))

    def ask(self, server: HostileServer):
        return query(server.url, ca_file=self.ca_file)

    def ask_as(self, server: HostileServer, name: str):
        """Under a name that only --resolve knows."""
        resolve = f"{name}:{server.port}:127.0.0.1"
        return query(server.url_at(name), "--resolve", resolve, ca_file=self.ca_file)

    def test_refused_certificates(self) -> None:
        ca = self.world.ca
        stranger = CertificateAuthority(self.world.folder("stranger"), "another authority")
        expired_intermediate = ca.intermediate(self.world.folder("old"), Validity.days(-900, -1))
        future_intermediate = ca.intermediate(self.world.folder("new"), Validity.days(1, 900))
        servers = {
            "wrong name": self.serve(ca.issue(["elsewhere.test", "127.0.0.2"])),
            "address only as a name": self.serve(ca.issue(["elsewhere.test", "localhost"])),
            "self-signed": self.serve(ca.self_signed(LOCAL)),
            "unknown authority": self.serve(stranger.issue(LOCAL)),
            "expired": self.serve(ca.issue(LOCAL, Validity.days(-90, -1))),
            "not yet valid": self.serve(ca.issue(LOCAL, Validity.days(1, 90))),
            "expired at the claimed time": self.serve(ca.issue(LOCAL, Validity.days(-30, 5)), clock_offset=6 * DAY),
            "not yet valid at the claimed time": self.serve(
                ca.issue(LOCAL, Validity.days(-30, 30)), clock_offset=-31 * DAY
            ),
            "expired intermediate": self.serve(expired_intermediate.issue(LOCAL)),
            "intermediate not yet valid": self.serve(future_intermediate.issue(LOCAL)),
        }
        self.check_all(servers, "tls_certificate")

    def check_all(self, servers: dict[str, HostileServer], code: str) -> None:
        for (name, server), result in zip(servers.items(), in_parallel(self.ask, servers.values()), strict=True):
            with self.subTest(name):
                self.assert_failed(result, code, server.url)

    def test_valid_at_the_claimed_time(self) -> None:
        """The other way round: what is expired or not yet valid by the local clock is right by the server's."""
        ca = self.world.ca
        intermediate = ca.intermediate(self.world.folder("past"), Validity.days(-500, -200))
        servers = {
            -300 * DAY: self.serve(ca.issue(LOCAL, Validity.days(-330, -270)), clock_offset=-300 * DAY),
            -301 * DAY: self.serve(intermediate.issue(LOCAL, Validity.days(-330, -270)), clock_offset=-301 * DAY),
            400 * DAY: self.serve(ca.issue(LOCAL, Validity.days(370, 430)), clock_offset=400 * DAY),
        }
        for (shift, _), result in zip(servers.items(), in_parallel(self.ask, servers.values()), strict=True):
            with self.subTest(shift=shift):
                self.assert_measured(result, shift)

    def test_chain_through_an_intermediate(self) -> None:
        between = self.world.ca.intermediate(self.world.folder("between"))
        self.assert_measured(self.ask(self.serve(between.issue(LOCAL))))

    def test_right_name_by_name(self) -> None:
        server = self.serve(self.world.ca.issue(["time.sdwdate-lab.test"]))
        self.assert_measured(self.ask_as(server, "time.sdwdate-lab.test"))
        self.assertEqual(server.connections[0].server_name, "time.sdwdate-lab.test")

    def test_wildcards_stand_for_one_label(self) -> None:
        server = self.serve(self.world.ca.issue(["*.sdwdate-lab.test"]))
        self.assert_measured(self.ask_as(server, "a.sdwdate-lab.test"))
        self.assert_failed(
            self.ask_as(server, "a.b.sdwdate-lab.test"), "tls_certificate", server.url_at("a.b.sdwdate-lab.test")
        )

    def test_trust_is_what_ca_file_says(self) -> None:
        """Without --ca-file the system's authorities decide, and ours is none of them."""
        server = self.serve(self.world.certificate)
        result = run("sdwdate", "query", "--json", "--timeout", "5", server.url)
        self.assert_failed(result, "tls_certificate", server.url)

    def test_the_systems_trust_store(self) -> None:
        """Without a CA file: one file of many anchors, a folder of them as Debian has it, a folder of single files."""
        folder = self.world.folder("store")
        strangers = [CertificateAuthority(self.world.folder(f"of {name}"), name) for name in ("one", "another")]
        namesake = CertificateAuthority(self.world.folder("namesake"))
        anchors = [ca.file.read_text() for ca in (strangers[0], namesake, self.world.ca, strangers[1])]
        bundle = folder / "anchors.pem"
        bundle.write_text("\nwords between\n".join(anchors))
        debians, singles, empty, without_ours = (folder / name for name in ("debian", "singles", "empty", "without"))
        for each in (debians, singles, empty, without_ours):
            each.mkdir()
        (debians / "ca-certificates.crt").write_text("".join(anchors))
        (without_ours / "ca-certificates.crt").write_text(anchors[0] + anchors[1] + anchors[3])
        for number, anchor in enumerate(anchors):
            (singles / f"{number:08x}.0").write_text(anchor)
        between = self.world.ca.intermediate(self.world.folder("between two"))
        server = self.serve(between.issue(LOCAL))

        def ask(environment: dict[str, Path]):
            text = {name: str(path) for name, path in environment.items()}
            return run("sdwdate", "query", "--json", "--requests", "3", server.url, environment=text)

        nothing = folder / "nothing"
        for good in ({"SSL_CERT_FILE": bundle}, {"SSL_CERT_FILE": nothing, "SSL_CERT_DIR": debians},
                     {"SSL_CERT_FILE": nothing, "SSL_CERT_DIR": singles}):  # fmt: skip
            with self.subTest(good):
                self.assert_measured(ask(good))
        self.assert_failed(ask({"SSL_CERT_FILE": nothing, "SSL_CERT_DIR": without_ours}), "tls_certificate", server.url)
        missing = ask({"SSL_CERT_FILE": nothing, "SSL_CERT_DIR": empty})
        self.assert_failed(missing, "tls_certificate", server.url)
        for part in ("no trust anchors", str(nothing), str(empty)):
            self.assertIn(part, missing.sources[0]["error"]["message"])

    def test_old_protocol_versions(self) -> None:
        server = self.serve(self.world.certificate, newest_tls=ssl.TLSVersion.TLSv1_1)
        self.assert_failed(self.ask(server), "tls_handshake", server.url)

    def test_tls_1_2_still_works(self) -> None:
        self.assert_measured(self.ask(self.serve(self.world.certificate, newest_tls=ssl.TLSVersion.TLSv1_2)))

    def test_bad_certificates_cost_one_connection(self) -> None:
        """There is no point in trying again what is wrong for good."""
        server = self.serve(self.world.ca.self_signed(LOCAL))
        self.assert_failed(self.ask(server), "tls_certificate", server.url)
        self.assertEqual(len(server.connections), 1)
        self.assertEqual(server.requests, [], "nothing is sent to who is not who it says")

    def test_plain_http_is_refused_before_anything_is_sent(self) -> None:
        result = query(f"http://127.0.0.1:{dead_port()}/", ca_file=self.ca_file)
        self.assert_exit(result, 2)
        self.assert_message(result, "http://127.0.0.1", "https")


if __name__ == "__main__":
    unittest.main()
