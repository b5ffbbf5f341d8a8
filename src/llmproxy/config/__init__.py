"""Settings: the only reader of the environment.

Every variable is listed in `.env.example` with unit and default.
"""

from llmproxy.config.reading import process_environment, settings_from
from llmproxy.config.settings import AccessSettings, CosmosSettings, SettingError, Settings

__all__ = [
    "AccessSettings",
    "CosmosSettings",
    "SettingError",
    "Settings",
    "process_environment",
    "settings_from",
]
