"""Keys and private models, on a server that has both."""

from collections.abc import Iterator
from dataclasses import dataclass

import openai
import pytest

from tests.api.asking import Answer, ask, bearer, within
from tests.api.documents import document
from tests.api.gateway import Gateway, run, serving

TAKES_EFFECT_S = 5.0
HELLO = [{"role": "user", "content": "Hello!"}]


@dataclass(frozen=True, slots=True)
class Keyed:
    """A server with two projects: `alpha` has a private model, `narrow` may use one model only."""

    gateway: Gateway
    alpha: str
    beta: str
    narrow: str
    admin: str

    def is_known(self) -> bool:
        """Whether the server has taken notice of all keys: it lags behind the store by a second."""
        keys = (None, self.alpha, self.beta, self.narrow, self.admin)
        answers = [self.ask("/v1/models", key).status for key in keys]
        return answers == [401, 200, 200, 200, 200]

    def ask(self, path: str, key: str | None) -> Answer:
        """GET with a key, or without one."""
        return ask(self.gateway.url, path, headers={} if key is None else bearer(key))

    def chat(self, key: str | None, model: str = "open") -> Answer:
        """Ask a model something."""
        return chat(self.gateway, {} if key is None else bearer(key), model)

    def client(self, key: str) -> openai.OpenAI:
        """The SDK with this key."""
        return openai.OpenAI(base_url=self.gateway.base_url, api_key=key, max_retries=0)


def chat(gateway: Gateway, headers: dict[str, str], model: str = "open") -> Answer:
    """Ask a model something, with these headers."""
    return ask(
        gateway.url,
        "/v1/chat/completions",
        method="POST",
        headers=headers,
        body={"model": model, "messages": HELLO},
    )


def create(gateway: Gateway, *options: str) -> str:
    """Make a key while the server runs."""
    return run(gateway.environment, "keys", "create", *options).strip()


@pytest.fixture(scope="module", name="keyed")
def _keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    documents = [
        document("open", "Local", "Echo"),
        document("secret-plan", "Local", "Echo") | {"private": True, "projects": ["alpha"]},
        document("keyless", "OpenAI", "OpenAI", secret_name="NO_SUCH_SECRET"),
    ]
    with serving(tmp_path_factory.mktemp("keyed"), documents) as gateway:
        keyed = Keyed(
            gateway,
            create(gateway, "--project", "alpha"),
            create(gateway, "--project", "beta"),
            create(gateway, "--project", "alpha", "--models", "open"),
            create(gateway, "--admin"),
        )
        assert within(TAKES_EFFECT_S, keyed.is_known)
        yield keyed


@pytest.mark.parametrize("header", ["authorization", "api-key", "x-api-key"])
def test_a_key_is_taken_from_each_vendors_header(keyed: Keyed, header: str) -> None:
    """OpenAI's, Azure's and Anthropic's SDKs each have their own header."""
    value = f"Bearer {keyed.beta}" if header == "authorization" else keyed.beta
    assert chat(keyed.gateway, {header: value}).status == 200


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/open", "/metrics"])
def test_without_a_key(keyed: Keyed, path: str) -> None:
    """Once there are keys, this machine needs one too."""
    answer = keyed.ask(path, None)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.headers["x-should-retry"] == "false"
    assert answer.error["code"] == "invalid_api_key"
    assert answer.error["message"].startswith("You didn't provide an API key.")


@pytest.mark.parametrize("key", ["sk-wrong", "sk-llmproxy-" + "A" * 43, "x" * 5000])
def test_with_a_wrong_key(keyed: Keyed, key: str) -> None:
    """A key that nobody made is refused without repeating it."""
    answer = keyed.chat(key)

    assert answer.status == 401
    assert answer.error["message"] == "Incorrect API key provided."
    assert key not in answer.body.decode()
    with keyed.client(key) as client, pytest.raises(openai.AuthenticationError):
        client.models.list()


def test_another_scheme_is_no_key(keyed: Keyed) -> None:
    """Basic authentication does not open anything, whatever else is sent."""
    headers = {"authorization": f"Basic {keyed.beta}", "api-key": keyed.beta}
    assert chat(keyed.gateway, headers).status == 401


def test_a_private_model_is_there_for_its_project(keyed: Keyed) -> None:
    """The project that it belongs to sees and uses it."""
    with keyed.client(keyed.alpha) as client:
        assert {model.id for model in client.models.list()} == {"open", "secret-plan", "keyless"}
        assert client.models.retrieve("secret-plan").id == "secret-plan"
        answer = client.chat.completions.create(model="secret-plan", messages=HELLO)
        assert answer.choices[0].message.content == "Hello!"


@pytest.mark.parametrize("who", ["beta", "narrow"])
def test_a_hidden_model_is_told_in_the_words_of_an_unknown_one(keyed: Keyed, who: str) -> None:
    """No answer tells another caller that the model exists."""
    key = getattr(keyed, who)
    assert "secret-plan" not in {each["id"] for each in keyed.ask("/v1/models", key).json["data"]}
    for hidden, unknown in (
        (keyed.ask("/v1/models/secret-plan", key), keyed.ask("/v1/models/nothing-here", key)),
        (keyed.chat(key, "secret-plan"), keyed.chat(key, "nothing-here")),
    ):
        assert hidden.status == unknown.status == 404
        assert hidden.error["code"] == "model_not_found"
        assert hidden.body.replace(b"secret-plan", b"nothing-here") == unknown.body
        assert set(hidden.headers) == set(unknown.headers)


def test_a_key_for_one_model_sees_only_that(keyed: Keyed) -> None:
    """`--models` narrows what the project may use."""
    listed = keyed.ask("/v1/models", keyed.narrow).json["data"]
    assert [each["id"] for each in listed] == ["open"]
    assert keyed.chat(keyed.narrow, "open").status == 200
    assert keyed.chat(keyed.narrow, "keyless").status == 404


def test_ready_names_models_only_for_administrators(keyed: Keyed) -> None:
    """Anybody may know how many are not ready; which, why and where is for admin keys."""
    for key in (None, "sk-wrong", keyed.beta):
        answer = keyed.ask("/health/ready", key)
        assert answer.json == {"status": "ready", "models": {"ready": 2, "not_ready": 1}}
    report = keyed.ask("/health/ready", keyed.admin).json
    reason = "the secret NO_SUCH_SECRET is not set in the environment"
    assert report["models"]["reasons"] == {"keyless": reason}
    assert report["registry"]["current"]
    assert report["registry"]["place"].endswith("llmproxy.sqlite3")


def test_a_model_that_is_not_ready_says_so(keyed: Keyed) -> None:
    """It is the platform's fault, so no retry is asked for and no secret is named."""
    answer = keyed.chat(keyed.beta, "keyless")

    assert answer.status == 502
    assert answer.error["code"] == "model_not_ready"
    assert answer.headers["x-should-retry"] == "false"
    assert "NO_SUCH_SECRET" not in answer.body.decode()


def test_metrics_are_for_administrators(keyed: Keyed) -> None:
    """Their labels name models, private ones too."""
    assert b"# TYPE llmproxy_" in keyed.ask("/metrics", keyed.admin).body
    refused = keyed.ask("/metrics", keyed.beta)
    assert (refused.status, refused.error["code"]) == (403, "admin_key_required")


def test_no_key_is_in_the_log(keyed: Keyed) -> None:
    """Neither real nor wrong keys are written anywhere."""
    keyed.chat("sk-very-wrong-indeed")
    keyed.chat(keyed.alpha)
    assert within(TAKES_EFFECT_S, lambda: "/v1/chat/completions open" in keyed.gateway.log)
    for key in (keyed.alpha, keyed.beta, keyed.narrow, keyed.admin, "sk-very-wrong-indeed"):
        assert key not in keyed.gateway.log
