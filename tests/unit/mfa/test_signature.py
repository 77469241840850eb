"""The Authorization header of Evrotrust's vendor API."""

import pytest
from requests import Request

from services.mfa.adapters.signature import BodySignature, sign

KEY = "00000000-1111-2222-3333-444444444444"


@pytest.mark.parametrize(
    ("key", "body", "header"),
    [
        pytest.param(
            "7f4b9ef3-298d-4ced-8656-a5d8b7f96666",
            b'{"vendorNumber":"ahZsmRHbDHL6TeED","user":{"identificationNumber":"8611048980"}}',
            "5a90fc151ff466434e615f1a6aac28228e8607d900b8f9129e8bfa919cff5140",
            id="published by the provider",
        ),
        pytest.param(
            KEY,
            b'{"vendorNumber":"SIMVENDOR0000001","user":{"phone":"+359880000000"}}',
            "04debe9e5cff7a85e029ffdfc8dff84b9b88961c7ea0af4fc90c94959802cc38",
            id="our own",
        ),
        pytest.param(
            KEY,
            b'{"vendorNumber": "SIMVENDOR0000001", "user": {"phone": "+359880000000"}}',
            "bd84f1724c0b3d79255af15e75fece4e2ae37f2b00d89b5c52e51c6387e14927",
            id="white space counts",
        ),
    ],
)
def test_the_published_examples_are_reproduced(key: str, body: bytes, header: str) -> None:
    assert sign(key, body) == header


@pytest.mark.parametrize("body", [b'{"a":1}', '{"a":1}'])
def test_the_signature_is_made_over_what_leaves(body: bytes | str) -> None:
    request = Request("POST", "https://v.example/vendor", data=body, auth=BodySignature(KEY)).prepare()
    assert request.headers["Authorization"] == sign(KEY, b'{"a":1}')


def test_a_netrc_entry_cannot_replace_the_signature() -> None:
    request = Request("POST", "https://name:word@v.example/vendor", data=b"x", auth=BodySignature(KEY)).prepare()
    assert request.headers["Authorization"] == sign(KEY, b"x")
