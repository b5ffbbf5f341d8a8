"""A seal that anybody can read: what is proven with it is what stands inside."""

from typing_extensions import override

from llmproxy.application.interfaces.sealing import Sealing


class FakeSealing(Sealing):
    """Writes the kind and the payload in hexadecimal digits."""

    @override
    def seal(self, kind: str, payload: bytes) -> str:
        return f"{kind}-{payload.hex()}"

    @override
    def unseal(self, kind: str, text: str) -> bytes | None:
        found, _, digits = text.partition("-")
        return bytes.fromhex(digits) if found == kind else None
