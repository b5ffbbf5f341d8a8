"""One server with an admin key from its environment."""

from collections.abc import Iterator

import pytest

from tests.api.admin.administrator import ADMIN_KEY, Administrator
from tests.api.documents import document
from tests.api.gateway import serving


@pytest.fixture(scope="module", name="admin")
def _admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Administrator]:
    documents = [
        document("open", "Local", "Echo"),
        document("hidden", "Local", "Echo") | {"private": True, "projects": ["alpha"]},
    ]
    settings = {"LLMPROXY_ADMIN_KEY": ADMIN_KEY}
    with serving(tmp_path_factory.mktemp("administered"), documents, settings) as gateway:
        yield Administrator(gateway)
