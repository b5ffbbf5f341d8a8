"""How LLM Proxy itself is set up and started."""

import json
import subprocess

from typing_extensions import override

from bench import figures, payload, translated
from bench.gateway import ADMIN_KEY, ROOT, UPSTREAM_KEY, Gateway, PreparationError, Site

_ENVIRONMENTS = ROOT / ".environments"
LLMPROXY = _ENVIRONMENTS / "run" / "bin" / "llmproxy"
PYTHON = LLMPROXY.with_name("python")
_GOOGLE = "google.json"


class LLMProxy(Gateway):
    """Ours, with a key without limits: models, journal, ledger, access log; no cache."""

    name = "ours"
    title = "LLM Proxy"
    knows_keys = True
    program = LLMPROXY

    def __init__(self, other_models: int) -> None:
        self.other_models = other_models

    @property
    def launcher(self) -> list[str]:
        """The command without its arguments."""
        return [str(self.program)]

    @override
    def version(self) -> str:
        told = subprocess.run(
            [self.program, "--version"], capture_output=True, text=True, check=True
        )
        revision = subprocess.run(
            ["git", "-C", ROOT, "describe", "--always", "--dirty"],
            capture_output=True,
            text=True,
            check=False,
        )
        return f"{told.stdout.split()[-1]} ({revision.stdout.strip() or 'no git'})"

    def _document(self, name: str, site: Site) -> dict[str, object]:
        return {
            "id": name,
            "name": "bench",
            "provider": "OpenAI",
            "model_type": "OpenAI",
            "private": False,
            "parameters": {"secret_name": "BENCH_UPSTREAM_KEY", "endpoint": f"{site.upstream}/v1"},
            "costs": {"currency": "USD", "cost_input_1Mtokens": 0.15, "cost_output_1Mtokens": 0.6},
            "operations": ["ChatCompletion", "embeddings", "images", "audio_tts"],
        }

    def _documents(self, site: Site) -> list[dict[str, object]]:
        names = [payload.MODEL, *(f"model-{i:05d}" for i in range(self.other_models))]
        return [self._document(name, site) for name in names]

    @override
    def prepare(self, site: Site) -> str:
        models = self._documents(site)
        if site.translated:
            models += translated.our_documents(site.upstream)
            (site.folder / _GOOGLE).write_text(translated.service_account(site.upstream))
        documents = site.folder / "models.json"
        documents.write_text(json.dumps(models))
        self._run(site, "models", "import", str(documents))
        return self._new_key(site)

    def _new_key(self, site: Site) -> str:
        return self._run(site, "keys", "create", "--project", "bench").strip()

    def _run(self, site: Site, *arguments: str) -> str:
        ran = subprocess.run(
            [*self.launcher, *arguments],
            env=self.environment(site),
            capture_output=True,
            text=True,
            check=False,
        )
        if ran.returncode:
            raise PreparationError(f"llmproxy {' '.join(arguments)}: {ran.stderr.strip()}")
        return ran.stdout

    @override
    def command(self, site: Site) -> list[str]:
        return [*self.launcher, "serve"]

    @override
    def settle(self, site: Site) -> None:
        figures.wait_for_ledger(site.url, ADMIN_KEY)

    @override
    def environment(self, site: Site) -> dict[str, str]:
        google = site.folder / _GOOGLE
        secrets = {"BENCH_GOOGLE": google.read_text()} if google.exists() else {}
        return (
            super().environment(site)
            | secrets
            | {
                "HOST": "127.0.0.1",
                "PORT": str(site.port),
                "LLMPROXY_DATA_DIR": str(site.folder / "data"),
                "DRAIN_DELAY_S": "0",
                "LLMPROXY_ADMIN_KEY": ADMIN_KEY,
                "BENCH_UPSTREAM_KEY": UPSTREAM_KEY,
            }
        )


class BesideLiteLLM(LLMProxy):
    """Ours where LiteLLM is installed, and no model needs it: it must not be imported."""

    name = "ours-beside-litellm"
    title = "LLM Proxy beside LiteLLM"
    at_rest = True
    program = _ENVIRONMENTS / "litellm" / "bin" / "llmproxy"
