"""docs/deployment.md, "One machine, without Docker": nginx as the page tells to set it up."""

import http.client
import json
import os
import ssl
from contextlib import closing
from pathlib import Path
from shutil import copytree

from tests.api.asking import bearer
from tests.api.gateway import run, serving
from tests.deploy.programs import ROOT, program, ran
from tests.deploy.test_shell import BLOCKS
from tests.nginx import configuration, started
from tests.ports import free_port

CONF_D = "/etc/nginx/conf.d/"
HELLO = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}], "stream": True}


def test_nginx(tmp_path: Path) -> None:
    """Its commands, with other ports and folders: what the page asks last is answered, over TLS.

    A stream too, to a caller with a key.
    """
    program("curl", "Debian's package curl")
    checkout, etc = tmp_path / "checkout", tmp_path / "etc"
    copytree(ROOT / "deploy", checkout / "deploy")
    (etc / "conf.d").mkdir(parents=True)
    # As Debian's: what lies in conf.d belongs to the `http` block of the nginx that is there.
    (etc / "nginx.conf").write_text(configuration(tmp_path, f"  include {etc}/conf.d/*.conf;"))
    tls, plain = free_port(), free_port()
    written = checkout / "deploy/nginx/llmproxy.conf"
    text = written.read_text().replace("listen 8443 ssl;", f"listen 127.0.0.1:{tls} ssl;")
    written.write_text(text.replace("listen 8080;", f"listen 127.0.0.1:{plain};"))
    data = {"PATH": os.environ["PATH"], "LLMPROXY_DATA_DIR": str(tmp_path / "data")}
    key = run(data, "keys", "create", "--project", "web").strip()
    with serving(tmp_path) as gateway:
        [block] = [each for each in BLOCKS if CONF_D in each]
        places = {
            "/opt/llmproxy": str(checkout),
            "/etc/nginx": str(etc),
            "127.0.0.1:8000": gateway.url.removeprefix("http://"),
            "localhost:8443": f"localhost:{tls}",
        }
        for old, new in places.items():
            assert old in block, old
            block = block.replace(old, new)
        before, reload, after = block.partition("nginx -t && systemctl reload nginx\n")
        assert reload
        ran("bash", "-euo", "pipefail", given=before)
        with started(etc / "nginx.conf", tmp_path, (tls, plain)):
            told = ran("bash", "-euo", "pipefail", "-c", f"cd {checkout}; {after}")
            assert json.loads(told)["status"] == "ready"
            _asks(tls, checkout / "secrets/tls/certificate.pem", key)
    assert (etc / "tls").stat().st_mode & 0o077 == 0


def _asks(port: int, certificate: Path, key: str) -> None:
    context = ssl.create_default_context(cafile=str(certificate))
    wire = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
    with closing(wire):
        wire.request("POST", "/v1/chat/completions", json.dumps(HELLO), bearer(key))
        answer = wire.getresponse()
        assert answer.status == 200, answer.read()
        assert answer.read().endswith(b"data: [DONE]\n\n")
