"""Following a folder: files that are being written, a folder that goes away or is emptied."""

import asyncio
from pathlib import Path

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.feed import News
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.folder.document_folder import DocumentFolder
from llmproxy.infra.database.folder.document_repository import FolderDocumentRepository
from llmproxy.infra.database.folder.feed import FolderFeed
from llmproxy.infra.telemetry.clock import SystemClock
from tests.fakes.clock import FakeClock
from tests.unit.infra.folder.written import write

pytestmark = pytest.mark.asyncio


class ClockOfWriters(Clock):
    """At any time asked for, the file was changed this very moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.asked = 0

    @override
    def now(self) -> float:
        self.asked += 1
        status = self._path.stat()
        return max(status.st_mtime, status.st_ctime)

    @override
    def monotonic(self) -> float:
        return 0.0


def feed_of(folder: Path) -> FolderFeed:
    """Make a feed for which every file is settled."""
    return FolderFeed(DocumentFolder(folder, FakeClock(4_000_000_000.0)))


def ids(news: object) -> list[str]:
    """Return the ids that are told, in order."""
    assert isinstance(news, News)
    return [each.id for each in news.changed]


async def test_a_touched_file_is_no_news(tmp_path: Path) -> None:
    """Its documents are the same, wherever they stand in it."""
    path = write(tmp_path / "a.json", '{"id": "a"}\n{"id": "b", "n": 1}')
    feed = feed_of(tmp_path)
    await feed.everything()
    write(path, '[{"n": 1, "id": "b"}, // moved\n {"id": "a"}]')

    assert await feed.news() is None


async def test_a_document_that_moves_is_not_gone(tmp_path: Path) -> None:
    """From one file to another, and the other one is broken meanwhile."""
    write(tmp_path / "a.json", '{"id": "a"}\n{"id": "b"}')
    feed = feed_of(tmp_path)
    await feed.everything()
    write(tmp_path / "a.json", '{"id": "a"}')
    write(tmp_path / "b.json", '{"id": "b"}')
    assert await feed.news() is None


async def test_faults_come_and_go(tmp_path: Path) -> None:
    """A fault is news of its own, is named in all news, and is mended by being named no more."""
    write(tmp_path / "a.json", '{"id": "a"}')
    write(tmp_path / "b.json", '{"id": "b"}')
    feed = feed_of(tmp_path)
    await feed.everything()

    write(tmp_path / "b.json", '{"id": "b"')
    broken = await feed.news()
    write(tmp_path / "c.json", '{"id": "c"}')
    other = await feed.news()
    write(tmp_path / "c.json", '{"id": "c"}\n8')
    bad = await feed.news()
    write(tmp_path / "b.json", '{"id": "b"}')
    write(tmp_path / "c.json", '{"id": "c"}')
    mended = await feed.news()

    assert broken is not None
    assert other is not None
    assert bad is not None
    assert mended is not None
    b, c = f"{tmp_path}/b.json:1", f"{tmp_path}/c.json:2"
    assert (ids(broken), list(broken.gone), list(broken.faults)) == ([], ["b"], [b])
    assert (ids(other), list(other.gone), list(other.faults)) == (["c"], [], [b])
    assert (ids(bad), list(bad.gone), list(bad.faults)) == ([], [], [b, c])
    assert (ids(mended), list(mended.gone), dict(mended.faults)) == (["b"], [], {})


async def test_a_folder_that_goes_away_is_unavailable(tmp_path: Path) -> None:
    """The last set stays, and when the folder is back what is new in it is told."""
    folder = tmp_path / "models"
    write(folder / "a.json", '{"id": "a"}')
    feed = feed_of(folder)
    await feed.everything()
    folder.rename(tmp_path / "away")
    for ask in (feed.news, feed.everything, feed.news):
        with pytest.raises(Unavailable, match=r"models \(MODELS_PATH\).*No such file"):
            await ask()

    (tmp_path / "away").rename(folder)
    assert await feed.news() is None
    write(folder / "b.json", '{"id": "b"}')
    assert ids(await feed.news()) == ["b"]


async def test_an_emptied_folder_is_away(tmp_path: Path) -> None:
    """A volume that is not mounted, or the only file has a fault: news of it take nothing away.

    Who asks for everything is told that nothing is there, and decides what to believe.
    """
    path = write(tmp_path / "a.json", '{"id": "a"}')
    feed = feed_of(tmp_path)
    await feed.everything()
    write(path, '{"id": "a"')
    with pytest.raises(Unavailable, match=r"no document any more \(.*a.json:1"):
        await feed.news()
    path.unlink()
    with pytest.raises(Unavailable, match="no document any more"):
        await feed.news()
    assert feed.reload_every_s is not None
    write(path, '{"id": "a"}')
    assert await feed.news() is None

    path.unlink()
    assert ids(await feed.everything()) == []
    write(path, '{"id": "a"}')
    assert ids(await feed.news()) == ["a"]


async def test_files_that_are_being_written_are_waited_for(tmp_path: Path) -> None:
    """A checkout that takes a while is seen as a whole: neither half a file nor half the files."""
    names = [f"m{number}" for number in range(8)]
    for name in names:
        write(tmp_path / f"{name}.json", f'{{"id": "{name}", "n": 1}}')
    feed = FolderFeed(DocumentFolder(tmp_path, SystemClock()))
    await feed.everything()

    async def check_out() -> None:
        for name in names:
            with (tmp_path / f"{name}.json").open("w") as file:
                file.write(f'{{"id": "{name}",')
                file.flush()
                await asyncio.sleep(0.02)
                file.write(' "n": 2}')
            await asyncio.sleep(0.02)

    writing = asyncio.create_task(check_out())
    await asyncio.sleep(0.05)
    news = await feed.news()
    await writing

    assert ids(news) == names
    assert news is not None
    assert (list(news.gone), dict(news.faults)) == ([], {})
    assert {each.document["n"] for each in news.changed} == {2}


async def test_a_file_that_never_settles_is_taken_as_it_is(tmp_path: Path) -> None:
    """After a second; a look has an end, and the next one reads the file again."""
    path = write(tmp_path / "a.json", '{"id": "a"}')
    clock = ClockOfWriters(path)
    feed = FolderFeed(DocumentFolder(tmp_path, clock))
    assert ids(await feed.everything()) == ["a"]
    assert clock.asked == 6

    write(path, '{"id": "b"}')
    assert ids(await feed.news()) == ["b"]
    assert await feed.news() is None
    assert clock.asked == 18


async def test_repository_and_feed_share_what_is_read(tmp_path: Path) -> None:
    """Both at once read each file once, and agree."""
    for number in range(20):
        write(tmp_path / f"m{number:02}.json", f'{{"id": "m{number}"}}')
    folder = DocumentFolder(tmp_path, FakeClock(4_000_000_000.0))
    feed, repository = FolderFeed(folder), FolderDocumentRepository(folder)
    news, *lists = await asyncio.gather(
        feed.everything(), *(repository.load_all() for _ in range(5))
    )

    assert all(each == list(news.changed) for each in lists)
    assert await folder.read() is await folder.read()


async def test_reading_does_not_hold_the_loop(tmp_path: Path) -> None:
    """Files are listed and read in a thread."""
    for number in range(30):
        write(tmp_path / f"m{number}.json", f'{{"id": "m{number}"}}')
    feed = feed_of(tmp_path)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await asyncio.sleep(0)
    await feed.everything()
    counting.cancel()

    assert turns > 3
