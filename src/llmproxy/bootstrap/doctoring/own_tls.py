"""The check of the gateway's own certificate."""

from llmproxy.application.use_cases.doctor.findings import Findings, ok, problem
from llmproxy.application.use_cases.doctor.machine import DAY_S, look_at_certificate
from llmproxy.bootstrap.doctoring.scene import Scene
from llmproxy.bootstrap.tls import tls_files
from llmproxy.config import SettingError
from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.server.certificate import ends_at
from llmproxy.infra.server.tls import TlsFaulty


async def tls_check(scene: Scene) -> Findings:
    """Load certificate and key as the server does, and see when the certificate ends."""
    if scene.settings.tls is None:
        return [ok("the gateway serves plain HTTP: what stands before it ends TLS")]
    try:
        files = await tls_files(scene.settings)
        ends = await in_thread(lambda: ends_at(files), "certificate")
    except (SettingError, TlsFaulty) as error:
        todo = "mend TLS_CERT_FILE, TLS_KEY_FILE and TLS_KEY_PASSWORD_NAME: docs/security.md"
        return [problem(str(error), todo)]
    left_s = ends - scene.clock.now()
    soon = look_at_certificate("this gateway", left_s)
    return [soon or ok(f"the certificate is good for {int(left_s // DAY_S)} days")]
