"""Which pages of other origins are let in, from the settings."""

from llmproxy.config.doors import CrossOriginSettings
from llmproxy.infra.controllers.cross_origin import CrossOrigin, Rules, opened
from llmproxy.infra.controllers.middleware import Door


def let_pages_in(door: Door, settings: CrossOriginSettings) -> None:
    """Open the door to the pages that the settings name; without any it does not even look.

    To be called when the door has its kind of visits.
    """
    if not settings.origins:
        return
    door.visiting = opened(door.visiting)
    door.cross_origin = CrossOrigin(
        Rules(
            None if settings.any_origin else settings.origins,
            settings.headers,
            settings.methods,
            settings.credentials,
            settings.max_age_s,
        )
    )
