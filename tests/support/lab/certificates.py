"""A certificate authority for one test run, by the openssl command: P-256 keys, any names, any validity."""

import ipaddress
import subprocess
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .waiting import LabError


@dataclass(frozen=True)
class Validity:
    """From when until when a certificate is valid."""

    not_before: datetime
    not_after: datetime

    @classmethod
    def days(cls, first: float, last: float) -> "Validity":
        """In days from now; negative ones are past."""
        now = datetime.now(timezone.utc)
        return cls(now + timedelta(days=first), now + timedelta(days=last))


# Longer than any wrong clock of the tests is wrong, so that only the leaf decides unless a test says otherwise.
_AUTHORITY_VALIDITY = Validity(datetime(1970, 1, 2, tzinfo=timezone.utc), datetime(2200, 1, 1, tzinfo=timezone.utc))


@dataclass(frozen=True)
class Certificate:
    """A chain (leaf first, without the root) and the leaf's private key, as PEM files."""

    chain: Path
    key: Path


_CONFIGURATION = """
[req]
distinguished_name = subject
prompt = no
[subject]
CN = {name}
[ca]
default_ca = lab
[lab]
database = {directory}/index.txt
new_certs_dir = {directory}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
commonName = supplied
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = {alternatives}
"""


def _openssl(*arguments: str | Path) -> None:
    ended = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True, check=False)
    if ended.returncode != 0:
        raise LabError(f"openssl {arguments[0]} failed:\n{ended.stderr}")


def _alternative(name: str) -> str:
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _openssl_time(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y%m%d%H%M%SZ")


class CertificateAuthority:
    """A root, or with `parent` an intermediate authority."""

    def __init__(
        self,
        directory: Path,
        name: str = "sdwdate lab authority",
        *,
        parent: "CertificateAuthority | None" = None,
        validity: Validity = _AUTHORITY_VALIDITY,
    ) -> None:
        self._directory = directory
        self._lock = threading.Lock()  # openssl ca keeps an index that takes one writer
        self._count = 0
        (directory / "index.txt").touch()
        request, self._key = self._request(name, ())
        self.file = directory / "authority.pem"
        signer = parent or self
        signer._sign(request, self.file, validity, "authority", key=self._key if parent is None else None)
        self._chain = b"" if parent is None else self.file.read_bytes() + parent._chain

    def issue(self, names: Iterable[str], validity: Validity = Validity.days(-30, 30)) -> Certificate:
        """A server certificate for these names and IP addresses."""
        request, key, chain = self._server_request(tuple(names))
        self._sign(request, chain, validity, "server")
        chain.write_bytes(chain.read_bytes() + self._chain)
        return Certificate(chain, key)

    def self_signed(self, names: Iterable[str], validity: Validity = Validity.days(-30, 30)) -> Certificate:
        """A server certificate that no authority vouches for."""
        request, key, chain = self._server_request(tuple(names))
        self._sign(request, chain, validity, "server", key=key)
        return Certificate(chain, key)

    def intermediate(self, directory: Path, validity: Validity = _AUTHORITY_VALIDITY) -> "CertificateAuthority":
        """An authority below this one; its certificates come with the chain up to here."""
        return CertificateAuthority(directory, "sdwdate lab intermediate", parent=self, validity=validity)

    def _server_request(self, names: tuple[str, ...]) -> tuple[Path, Path, Path]:
        request, key = self._request(names[0], names)
        return request, key, request.with_suffix(".pem")

    def _request(self, name: str, alternatives: tuple[str, ...]) -> tuple[Path, Path]:
        """Make a key and a signing request; the extensions stand in a file beside them."""
        with self._lock:
            self._count += 1
            stem = self._directory / f"{self._count:03}"
        settings, request, key = stem.with_suffix(".cnf"), stem.with_suffix(".csr"), stem.with_suffix(".key")
        settings.write_text(
            _CONFIGURATION.format(
                name=name,
                directory=self._directory,
                alternatives=", ".join(map(_alternative, alternatives or ("invalid",))),
            )
        )
        curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
        _openssl("req", "-new", "-config", settings, *curve, "-keyout", key, "-out", request)
        key.chmod(0o600)
        return request, key

    def _sign(
        self, request: Path, certificate: Path, validity: Validity, extensions: str, *, key: Path | None = None
    ) -> None:
        """Sign with this authority's key, or have the request sign itself with its own `key`."""
        settings = request.with_suffix(".cnf")
        signer = ("-keyfile", key, "-selfsign") if key else ("-keyfile", self._key, "-cert", self.file)
        times = ("-startdate", _openssl_time(validity.not_before), "-enddate", _openssl_time(validity.not_after))
        with self._lock:
            _openssl(
                "ca", "-batch", "-notext", "-config", self._directory / "001.cnf", *signer, *times,
                "-extfile", settings, "-extensions", extensions, "-in", request, "-out", certificate,
            )  # fmt: skip
