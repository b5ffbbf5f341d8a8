"""ADMIN_PORT: the administration is there, and nowhere else."""

import re
from pathlib import Path

from tests.api.asking import ask, bearer
from tests.api.gateway import serving

ADMIN_KEY = "own-port-" * 5


def test_administration_on_a_port_of_its_own(tmp_path: Path) -> None:
    """On the other port its paths are like any that never were, even for an admin key."""
    settings = {"LLMPROXY_ADMIN_KEY": ADMIN_KEY, "ADMIN_PORT": "0"}
    with serving(tmp_path, settings=settings) as gateway:
        found = re.search(r"^  admin +(http://127\.0\.0\.1:\d+)$", gateway.log, re.MULTILINE)
        assert found, gateway.log
        inside = found[1]
        assert inside != gateway.url

        listed = ask(inside, "/admin/models", headers=bearer(ADMIN_KEY))
        assert [each["id"] for each in listed.json["data"]] == ["echo"]
        assert ask(inside, "/admin/models").status == 401
        for path in ("/admin/models", "/admin/keys", "/admin", "/admin/nothing", "//admin/models"):
            outside = ask(gateway.url, path, headers=bearer(ADMIN_KEY))
            assert (outside.status, outside.error["code"]) == (404, "unknown_url"), path
        explained = ask(
            gateway.url,
            "/admin/explain",
            method="POST",
            headers=bearer(ADMIN_KEY),
            body={"body": {"model": "echo"}},
        )
        assert explained.status == 404
        assert ask(gateway.url, "/v1/models", headers=bearer(ADMIN_KEY)).status == 200
        assert ask(inside, "/health/live").status == 200
