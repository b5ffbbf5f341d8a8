"""How each gateway is set up and started, with what its makers recommend for a proxy of one worker.

All of them log to a file, keep connections open, and do not fall over 2,000 streams for want of a
setting.
"""

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from typing_extensions import override

from bench import payload, translated
from bench.gateway import BENCH_KEY, ROOT, UPSTREAM_KEY, Gateway, Site
from bench.ours import BesideLiteLLM, LLMProxy


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
        return BENCH_KEY

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
        return BENCH_KEY

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
            "api_key": UPSTREAM_KEY,
        }
        both = translated.litellm_models(site.upstream, UPSTREAM_KEY) if site.translated else []
        config = {
            "model_list": [
                {"model_name": payload.MODEL, "litellm_params": model},
                *both,
            ],
            "general_settings": {"master_key": BENCH_KEY},
            "litellm_settings": {"telemetry": False},
        }
        (site.folder / "config.yaml").write_text(json.dumps(config))  # JSON is YAML
        return BENCH_KEY

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


def every(other_models: int) -> dict[str, Gateway]:
    """All gateways by name, in the order of the report."""
    listed = [Nginx(), SglangRouter(), LiteLLMProxy(), LLMProxy(other_models)]
    listed.append(BesideLiteLLM(other_models))
    return {gateway.name: gateway for gateway in listed}


def missing(gateway: Gateway) -> str | None:
    """Why a gateway cannot run here; None when it can."""
    if isinstance(gateway, LLMProxy) and not gateway.program.exists():
        return f"{gateway.program.relative_to(ROOT)} is not there"
    if isinstance(gateway, Nginx) and not shutil.which("nginx"):
        return "nginx is not installed"
    return None
