"""docs/troubleshooting.md: each trouble is brought about, and the gateway says just that."""

import base64
import json
from collections.abc import Callable, Iterator

import pytest

from tests.api.asking import ask, bearer, within
from tests.api.documented import BLOCK
from tests.api.gateway import ROOT, run
from tests.api.troubles import HELLO, SOON_S, Scene, failed, staged

PAGE = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
COSMOS, SHOWN_COSMOS = "127.0.0.1:9", "your-account.documents.azure.com:443"
COSMOS_KEY = base64.b64encode(b"k" * 64).decode()
EVERYWHERE = "0.0.0.0"  # noqa: S104 - it is refused
WITHOUT_WORDS = {"Streams come in one piece"}


def sections() -> dict[str, list[str]]:
    """The texts that the page shows, by heading."""
    parts = PAGE.split("\n## ")[1:]
    return {
        part.partition("\n")[0]: [text for kind, text in BLOCK.findall(part) if kind == "text"]
        for part in parts
    }


@pytest.fixture(scope="module", name="scene")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with staged(tmp_path_factory.mktemp("troubles")) as scene:
        yield scene


def _alone(scene: Scene, *arguments: str, **settings: str) -> str:
    """What a command over a new data folder says when it fails."""
    elsewhere = {"LLMPROXY_DATA_DIR": str(scene.folder / "elsewhere")}
    return failed({**scene.gateway.environment, **elsewhere, **settings}, *arguments)


def _cosmos(scene: Scene) -> str:
    place = {"COSMOS_URL": f"https://{COSMOS}/", "COSMOS_KEY": COSMOS_KEY}
    said = [_alone(scene, *words, **place) for words in (["serve"], ["models", "list"])]
    both = [each.replace(COSMOS, SHOWN_COSMOS) for each in said]
    [[shown]] = [sections()["Cosmos DB cannot be reached"]]
    assert all(shown.strip() in each for each in both), both
    return both[0]


def _slow(scene: Scene) -> str:
    scene.provider.fail_next("hang_before_headers")
    return scene.asked("slow")


def _not_ready(scene: Scene) -> str:
    admin = run(scene.gateway.environment, "keys", "create", "--admin").strip()
    state = lambda: ask(scene.gateway.url, "/health/ready", headers=bearer(admin)).json  # noqa: E731
    assert within(SOON_S, lambda: "reasons" in state()["models"])
    return scene.asked("no-key") + json.dumps(state(), ensure_ascii=False)


def _spent(scene: Scene) -> str:
    key = scene.made("--limit", "cost_total=0.00003")
    body = {"model": "gpt-4o", "messages": HELLO, "max_tokens": 20}
    for _ in range(20):
        answer = ask(
            scene.gateway.url,
            "/v1/chat/completions",
            method="POST",
            headers=bearer(key),
            body=body,
        )
        if answer.status != 200:
            break
    return scene.told(body, key=key)


def _too_large(scene: Scene) -> str:
    key = scene.made("--limit", "tokens_per_minute=10000")
    return scene.told({"model": "gpt-4o", "messages": HELLO}, key=key)


def _import(scene: Scene) -> str:
    bad = {"id": "x", "name": "x", "provider": "Azur", "model_type": "AzureOpenAI"}
    parameters = {"secret_name": "sk-proj-abcdefghijklmnopqrstuvwxyz123456"}
    path = scene.folder / "bad.json"
    path.write_text(json.dumps({**bad, "parameters": parameters}))
    return scene.failed("models", "import", str(path))


TROUBLES: dict[str, Callable[[Scene], str]] = {
    "Cosmos DB cannot be reached": _cosmos,
    "Model not found": lambda scene: scene.asked("gpt-4"),
    "API key invalid": lambda scene: scene.told({"model": "gpt-4o"}, key="sk-llmproxy-none"),
    "The provider's key is refused": lambda scene: scene.asked("old-key"),
    "Timeout": _slow,
    "The model is not ready": _not_ready,
    "The deployment is not there": lambda scene: scene.asked("no-such"),
    "The provider cannot be reached": lambda scene: scene.asked("away"),
    "The model has no price": lambda scene: scene.asked("unpriced"),
    "The model does not take a field": lambda scene: scene.asked("claude", seed=7),
    "The model does not offer the operation": lambda scene: scene.told(
        {"model": "gpt-4o", "input": "x"}, "/v1/embeddings"
    ),
    "The budget is used up": _spent,
    "A small request is too large": _too_large,
    "The URL is invalid": lambda scene: scene.told({"model": "gpt-4o"}, "/chat/completions"),
    "The body is too large": lambda scene: scene.asked("gpt-4o", user="x" * 70_000),
    "It does not start: nobody has a key": lambda scene: _alone(scene, "serve", HOST=EVERYWHERE),
    "It does not start: a setting makes no sense": lambda scene: _alone(
        scene, "serve", FIRST_BYTE_TIMEOUT_S="5m"
    ),
    "It does not start: the port is taken": lambda scene: _alone(
        scene, "serve", PORT=scene.gateway.url.rpartition(":")[2]
    ),
    "It does not start: several workers, and limits": lambda scene: (
        scene.made("--limit", "requests_per_minute=60") and scene.failed("serve")
    ),
    "Documents are not imported": _import,
}


def test_every_trouble_is_tried() -> None:
    """A heading without words of the gateway is the only one that is not."""
    assert set(sections()) == set(TROUBLES) | WITHOUT_WORDS
    assert {title for title, texts in sections().items() if not texts} == WITHOUT_WORDS


@pytest.mark.parametrize("title", TROUBLES)
def test_the_gateway_says_so(scene: Scene, title: str) -> None:
    """Each line that the page shows is in what was said."""
    said = TROUBLES[title](scene)
    lines = [line for text in sections()[title] for line in text.splitlines()]
    assert [line for line in lines if line not in said] == [], said
