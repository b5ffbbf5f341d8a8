"""Telling the name of a secret from a secret."""

import secrets

import pytest

from llmproxy.domain.secret_reference import looks_literal


@pytest.mark.parametrize(
    "name",
    [
        "AZURE_OPENAI_API_KEY",
        "SP-BRIDGE-4852-DEV",
        "OPENAI_API_KEY",
        "my-vault-secret",
        "openai-key-2",
        "K",
        "AZUREOPENAIPRODUCTIONWESTEUROPEAPIKEY",
        "TEAM_A.KEY",
        "x" * 127,
    ],
)
def test_names_pass(name: str) -> None:
    """Variables of the environment and names in a vault."""
    assert not looks_literal(name)


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abc",
        "sk-proj-" + "a" * 40,
        "sk-ant-api03-abc",
        "AIzaSyA-1234567890",
        "gsk_abc",
        "hf_abc",
        "eyJhbGciOi.J9.x",
        "Bearer abc",
        "-----BEGIN PRIVATE KEY-----",
        '{"type": "service_account"}',
        "0123456789abcdef0123456789abcdef",
        "A" * 128,
        "with blank",
        "with/slash",
        "$HOME",
        "key=",
        "é",
    ],
)
def test_secrets_are_caught(secret: str) -> None:
    """Vendors' prefixes, long hexadecimal runs, tokens, JSON, and what no name can be."""
    assert looks_literal(secret)


def test_random_keys_are_caught() -> None:
    """Azure's keys are 32 hexadecimal digits or 84 letters and digits; 200 of each are caught."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    long_keys = ["".join(secrets.choice(letters) for _ in range(84)) for _ in range(200)]

    assert all(map(looks_literal, long_keys))
    assert all(looks_literal(secrets.token_hex(16)) for _ in range(200))
