"""Administration over repositories in memory, as the composition root puts it together."""

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.use_cases.administer_keys import AdministerKeys
from llmproxy.application.use_cases.administer_models import AdministerModels
from llmproxy.application.use_cases.administer_projects import AdministerProjects
from llmproxy.application.use_cases.guard_limits import guarded
from llmproxy.infra.database.memory import MemoryDocumentRepository, MemoryKeyRepository
from tests.fakes.audit import FakeAudit
from tests.fakes.clock import FakeClock
from tests.fakes.counting import FakeCounting


class FakeOffice:
    """The repositories and the audit, and administration by anybody over them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.audit = FakeAudit()
        self.models = MemoryDocumentRepository()
        self.projects = MemoryDocumentRepository()
        self.keys = MemoryKeyRepository()
        self.counting = FakeCounting()

    def administration(self, actor: Actor) -> Administration:
        """Return all of it for one actor."""
        administration = Administration(
            AdministerModels(self.models, self.clock, self.audit, actor, {}),
            AdministerKeys(self.keys, self.clock, self.audit, actor),
            AdministerProjects(
                self.projects, self.keys, self.models, self.clock, self.audit, actor
            ),
        )
        return guarded(administration, self.counting)
