"""A farm's certificates: good ones by `fastest-coord cert`, others by another implementation."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from runners import BIN

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


def make_farm(place: Path, *agents: str) -> Path:
    """By the command, as a user would."""
    command = [str(BIN / "fastest-coord"), "cert"]
    for words in (["init"], *(["agent", name] for name in agents)):
        subprocess.run([*command, *words, "--dir", str(place)], check=True, capture_output=True)
    return place


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make(
    place: Path,
    name: str,
    ca: str | None,
    use: x509.ObjectIdentifier = CLIENT,
    dns: str | None = None,
    days: tuple[int, int] = (-1, 10),
    with_rsa: bool = False,
) -> None:
    """place/NAME.pem and NAME-key.pem, signed by the CA there of that name, or a CA (None)."""
    key = (
        rsa.generate_private_key(65537, 2048)
        if with_rsa
        else ec.generate_private_key(ec.SECP256R1())
    )
    now = datetime.datetime.utcnow()
    issuer, signer = _name(name), key
    if ca:
        issuer = x509.load_pem_x509_certificate((place / f"{ca}.pem").read_bytes()).subject
        signer = serialization.load_pem_private_key((place / f"{ca}-key.pem").read_bytes(), None)
    build = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + datetime.timedelta(days=days[0]))
        .not_valid_after(now + datetime.timedelta(days=days[1]))
        .add_extension(x509.BasicConstraints(ca is None, None), True)
    )
    if ca:
        build = build.add_extension(x509.ExtendedKeyUsage([use]), False)
    if dns:
        build = build.add_extension(x509.SubjectAlternativeName([x509.DNSName(dns)]), False)
    made = build.sign(signer, hashes.SHA256())
    (place / f"{name}.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = place / f"{name}-key.pem"
    secret.touch(0o600)
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
