"""Settings: the only reader of the environment.

Every variable is listed in `.env.example` with unit and default.
"""

from llmproxy.config.reading import env_file, process_environment, settings_from
from llmproxy.config.reading_logs import wants_json
from llmproxy.config.settings import AccessSettings, CosmosSettings, SettingError, Settings

__all__ = [
    "AccessSettings",
    "CosmosSettings",
    "SettingError",
    "Settings",
    "env_file",
    "process_environment",
    "settings_from",
    "wants_json",
]
