"""Secrets on the bus: sealed for one reader (JWE, ECDH-ES with A256GCM, RFC 7516 and 8037)."""

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

ALGORITHMS = ["ECDH-ES", "A256GCM"]


def seal(secret: str, public_key: str) -> str:
    """Encrypt ``secret`` so that only the holder of the private key can read it."""
    key = OKPKey.import_key(public_key)
    return jwe.encrypt_compact({"alg": "ECDH-ES", "enc": "A256GCM"}, secret.encode(), key, algorithms=ALGORITHMS)


def unseal(token: str, private_key: str) -> str:
    """The secret of :func:`seal`; raises :class:`ValueError` where the token is damaged or for somebody else."""
    try:
        key = OKPKey.import_key(private_key)
        plaintext = jwe.decrypt_compact(token, key, algorithms=ALGORITHMS).plaintext
    except JoseError as error:
        raise ValueError("the sealed text cannot be opened") from error
    return (plaintext or b"").decode()


def generate_sealing_keys() -> tuple[str, str]:
    """A new private and public key (PEM) for sealed secrets (X25519)."""
    key = OKPKey.generate_key("X25519")
    return key.as_pem(private=True).decode(), key.as_pem(private=False).decode()


def check_private_key(private_key: str) -> None:
    """Raise unless this is a key (PEM) that sealed secrets can be opened with."""
    if not OKPKey.import_key(private_key).is_private:
        raise ValueError("a public key opens nothing")
