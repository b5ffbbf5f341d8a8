"""The memory of signatures: bounded, by project, the longest unasked goes first."""

from llmproxy.infra.providers.translated.kept_reasoning import ENTRY_BYTES, KeptReasoning


def test_what_is_kept_is_found_by_its_project_only() -> None:
    """Another project's id finds nothing."""
    kept = KeptReasoning()
    kept.keep("alpha", "call_1", b"signature")

    assert kept.find("alpha", "call_1") == b"signature"
    assert kept.find("beta", "call_1") is None
    assert kept.find(None, "call_1") is None


def test_the_bound_holds() -> None:
    """By bytes: the entry that was longest not asked for makes room."""
    kept = KeptReasoning(max_bytes=2 * (ENTRY_BYTES + 10))
    kept.keep("a", "1", b"x" * 10)
    kept.keep("a", "2", b"y" * 10)
    assert kept.find("a", "1") is not None
    kept.keep("a", "3", b"z" * 10)

    assert kept.find("a", "2") is None
    assert kept.find("a", "1") is not None
    assert kept.sizes() == {"entries": 2, "bytes": 2 * (ENTRY_BYTES + 10)}


def test_what_is_larger_than_all_is_not_kept() -> None:
    """It would push out everything else; what it replaces is gone, too."""
    kept = KeptReasoning(max_bytes=ENTRY_BYTES + 10)
    kept.keep("a", "1", b"x")
    kept.keep("a", "1", b"x" * 1000)

    assert kept.find("a", "1") is None
    assert kept.sizes() == {"entries": 0, "bytes": 0}
