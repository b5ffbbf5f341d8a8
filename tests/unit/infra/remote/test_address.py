"""Where a running gateway is."""

import pytest

from llmproxy.infra.remote.address import address


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("http://127.0.0.1:8000", ("http://127.0.0.1:8000", "127.0.0.1", 8000, "")),
        ("https://gw.example.com/", ("https://gw.example.com", "gw.example.com", None, "")),
        ("https://host/llm/", ("https://host/llm", "host", None, "/llm")),
        ("http://[::1]:80/", ("http://[::1]:80", "::1", 80, "")),
    ],
)
def test_addresses(written: str, found: tuple[object, ...]) -> None:
    """With the path that stands before the gateway's own, if any."""
    place = address(written)
    assert (place.text, place.host, place.port, place.prefix) == found
    assert place.secure is written.startswith("https")
    assert address(place.text) == place


@pytest.mark.parametrize(
    "written",
    [
        *("", "host", "ftp://host", "http://", "http://h:0", "http://h:x", "http://u:p@h"),
        *("http://h?a=1", "http://h#f", "http://h\n", "http://h/a b", "http://hé"),
    ],
)
def test_what_is_none(written: str) -> None:
    """Each is refused with a reason, before a key is sent anywhere."""
    with pytest.raises(ValueError, match=r"it |give "):
        address(written)


@pytest.mark.parametrize(
    ("written", "clear"),
    [
        ("http://127.0.0.1", False),
        ("http://localhost", False),
        ("http://[::1]", False),
        ("https://anywhere", False),
        ("http://10.0.0.1", True),
        ("http://gateway", True),
    ],
)
def test_whether_the_key_travels_in_the_clear(written: str, *, clear: bool) -> None:
    """Only this machine may be asked without TLS in silence."""
    assert address(written).in_the_clear is clear
