"""How each gateway is set up and started, with what its makers recommend for a proxy of one worker.

All of them log to a file, keep connections open, and do not fall over 2,000 streams for want of a
setting.
"""

import json
import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from typing_extensions import override

from bench import payload

ROOT = Path(__file__).resolve().parent.parent
LLMPROXY = ROOT / ".environments" / "run" / "bin" / "llmproxy"
_UPSTREAM_KEY = "sk-upstream-0123456789abcdefghijklmnop"
_BENCH_KEY = "sk-bench-0123456789abcdefghijklmnopqrstuv"


@dataclass(frozen=True, slots=True)
class Site:
    """Where one gateway lives during a run: its own folder, its port, and its upstream."""

    folder: Path
    port: int
    spare_port: int
    upstream: str
    """`http://127.0.0.1:1234` or `https://…`, without a path."""
    authority: Path
    """PEM file of the certificate authority behind an https upstream."""

    @property
    def secured(self) -> bool:
        """Whether the upstream speaks TLS."""
        return self.upstream.startswith("https:")

    @property
    def url(self) -> str:
        """Chat completions of the gateway."""
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"


class PreparationError(RuntimeError):
    """A gateway could not be set up; the message says what its own tool said."""


class Gateway(ABC):
    """One that can be measured."""

    name: str
    title: str
    same_bytes = True
    """Whether the answer's bytes are the upstream's; else the same meaning is enough."""
    knows_keys = False
    """Whether a wrong key is refused."""
    slow = False
    """Gets fewer rounds, and runs that count to a number instead of running for seconds."""

    @abstractmethod
    def version(self) -> str:
        """Tell which version is measured."""

    @abstractmethod
    def prepare(self, site: Site) -> str:
        """Write what it needs into `site.folder`; return the bearer key that callers use."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """Give the server's command line."""

    def environment(self, site: Site) -> dict[str, str]:
        """Variables of the server. TLS: most take the authority from SSL_CERT_FILE."""
        trust = {"SSL_CERT_FILE": str(site.authority)} if site.secured else {}
        return programs_environment() | trust | {"HOME": str(site.folder)}


def programs_environment() -> dict[str, str]:
    """No proxy, no key and no setting of the caller's shell reaches a measured program."""
    return {name: value for name, value in os.environ.items() if name in _INHERITED}


_INHERITED = {"PATH", "LANG", "LC_ALL", "TZ"}


class Nginx(Gateway):
    """The floor: relays bytes, knows nothing of keys or models."""

    name = "nginx"
    title = "nginx"

    @override
    def version(self) -> str:
        told = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True)
        return told.stderr.strip().removeprefix("nginx version: nginx/")

    @override
    def prepare(self, site: Site) -> str:
        scheme, _, address = site.upstream.partition("://")
        trust = (
            f"proxy_ssl_verify on; proxy_ssl_trusted_certificate {site.authority};"
            " proxy_ssl_name 127.0.0.1; proxy_ssl_protocols TLSv1.2 TLSv1.3;"
        )
        user = "user root;" if os.geteuid() == 0 else ""
        (site.folder / "nginx.conf").write_text(f"""{user}
worker_processes 1; daemon off; pid {site.folder}/nginx.pid; error_log {site.folder}/error.log;
worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {site.folder}/body; proxy_temp_path {site.folder}/proxy;
  fastcgi_temp_path {site.folder}/fastcgi; uwsgi_temp_path {site.folder}/uwsgi;
  scgi_temp_path {site.folder}/scgi;
  upstream model {{ server {address}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{site.port} backlog=4096;
    location / {{
      proxy_pass {scheme}://model; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off; client_max_body_size 64m;
      {trust if site.secured else ""}
    }}
  }}
}}
""")
        return _BENCH_KEY

    @override
    def command(self, site: Site) -> list[str]:
        return ["nginx", "-p", str(site.folder), "-c", "nginx.conf", "-e", "error.log"]


class SglangRouter(Gateway):
    """The fastest LLM router that pip installs: Rust, one worker behind it."""

    name = "sglang"
    title = "sglang-router"

    @override
    def version(self) -> str:
        return metadata.version("sglang-router")

    @override
    def prepare(self, site: Site) -> str:
        return _BENCH_KEY

    @override
    def command(self, site: Site) -> list[str]:
        command = [sys.executable, "-m", "sglang_router.launch_router"]
        command += ["--host", "127.0.0.1", "--port", str(site.port), "--worker-urls", site.upstream]
        command += ["--prometheus-host", "127.0.0.1", "--prometheus-port", str(site.spare_port)]
        command += ["--log-level", "warn", "--worker-startup-check-interval", "1"]
        command += ["--max-concurrent-requests", "-1"]
        return [*command, "--ca-cert-paths", str(site.authority)] if site.secured else command


class LiteLLMProxy(Gateway):
    """The gateway that most people run: Python, one worker, without a database."""

    name = "litellm"
    title = "LiteLLM proxy"
    same_bytes = False
    knows_keys = True
    slow = True

    @override
    def version(self) -> str:
        return metadata.version("litellm")

    @override
    def prepare(self, site: Site) -> str:
        model = {
            "model": f"openai/{payload.MODEL}",
            "api_base": f"{site.upstream}/v1",
            "api_key": _UPSTREAM_KEY,
        }
        config = {
            "model_list": [{"model_name": payload.MODEL, "litellm_params": model}],
            "general_settings": {"master_key": _BENCH_KEY},
            "litellm_settings": {"telemetry": False},
        }
        (site.folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
        return _BENCH_KEY

    @override
    def command(self, site: Site) -> list[str]:
        litellm = str(Path(sys.executable).with_name("litellm"))
        command = [litellm, "--config", str(site.folder / "config.yaml"), "--num_workers", "1"]
        return [*command, "--host", "127.0.0.1", "--port", str(site.port)]

    @override
    def environment(self, site: Site) -> dict[str, str]:
        production = {
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_LOG": "ERROR",
        }
        return super().environment(site) | production


class LLMProxy(Gateway):
    """Ours, with all that exists switched on: keys, models, limits, journal, access log."""

    name = "ours"
    title = "LLM Proxy"
    knows_keys = True

    def __init__(self, other_models: int) -> None:
        self.other_models = other_models

    @override
    def version(self) -> str:
        told = subprocess.run([LLMPROXY, "--version"], capture_output=True, text=True, check=True)
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

    @override
    def prepare(self, site: Site) -> str:
        names = [payload.MODEL, *(f"model-{i:05d}" for i in range(self.other_models))]
        documents = site.folder / "models.json"
        documents.write_text(json.dumps([self._document(name, site) for name in names]))
        self._run(site, "models", "import", str(documents))
        return self._run(site, "keys", "create", "--project", "bench").strip()

    def _run(self, site: Site, *arguments: str) -> str:
        ran = subprocess.run(
            [LLMPROXY, *arguments],
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
        return [str(LLMPROXY), "serve"]

    @override
    def environment(self, site: Site) -> dict[str, str]:
        return super().environment(site) | {
            "HOST": "127.0.0.1",
            "PORT": str(site.port),
            "LLMPROXY_DATA_DIR": str(site.folder / "data"),
            "BENCH_UPSTREAM_KEY": _UPSTREAM_KEY,
        }


def every(other_models: int) -> dict[str, Gateway]:
    """All gateways by name, in the order of the report."""
    listed = [Nginx(), SglangRouter(), LiteLLMProxy(), LLMProxy(other_models)]
    return {gateway.name: gateway for gateway in listed}


def missing(gateway: Gateway) -> str | None:
    """Why a gateway cannot run here; None when it can."""
    if isinstance(gateway, LLMProxy) and not LLMPROXY.exists():
        return f"{LLMPROXY.relative_to(ROOT)} is not there"
    if isinstance(gateway, Nginx) and not shutil.which("nginx"):
        return "nginx is not installed"
    return None
