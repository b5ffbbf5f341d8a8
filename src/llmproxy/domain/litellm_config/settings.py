"""What LiteLLM's settings beside `model_list` mean for this gateway."""

from collections.abc import Mapping
from typing import Final

from llmproxy.domain.litellm_config.references import variable_of
from llmproxy.domain.litellm_config.remarks import Remarks

_NEXT_DEPLOYMENT: Final = (
    "no fallbacks between models here: give the documents one `code`, and a call that fails before"
    " its first content moves to the next"
)
_LOGGING: Final = "no callbacks here: the access log, the journal and /metrics are what is told"
_IN_TURN: Final = "deployments of a code are used in turn"
_RETRIES: Final = "the gateway tries the other deployments of a code, each once; SDKs try again"
_CACHE: Final = "answers are not cached here"
_REDIS: Final = "nothing is shared through Redis"
_BUDGET: Final = "budgets are not imported"
_LIMITS: Final = "limits per time are not imported"
_DATABASE: Final = (
    "keys, teams and models of LiteLLM's database are not in this file: make keys with `llmproxy"
    " keys create`, and write such models as documents"
)

TOP: Final[Mapping[str, str]] = {
    "guardrails": "there are none here",
    "mcp_servers": "MCP is not served here",
    "mcp_tools": "MCP is not served here",
    "files_settings": "files are not served here",
    "finetune_settings": "fine-tuning is not served here",
    "vector_store_registry": "vector stores are not served here",
    "search_tools": "search tools are not served here",
    "callback_settings": _LOGGING,
    "include": "only this file was read: import the others too",
}
ROUTER: Final[Mapping[str, str]] = {
    "routing_strategy": _IN_TURN,
    "routing_strategy_args": _IN_TURN,
    "fallbacks": _NEXT_DEPLOYMENT,
    "context_window_fallbacks": _NEXT_DEPLOYMENT,
    "content_policy_fallbacks": _NEXT_DEPLOYMENT,
    "default_fallbacks": _NEXT_DEPLOYMENT,
    "num_retries": _RETRIES,
    "max_retries": _RETRIES,
    "retry_after": _RETRIES,
    "retry_policy": _RETRIES,
    "model_group_retry_policy": _RETRIES,
    "allowed_fails": "no deployment is put aside for failing",
    "allowed_fails_policy": "no deployment is put aside for failing",
    "cooldown_time": "no deployment is put aside for failing",
    "timeout": "set FIRST_BYTE_TIMEOUT_S, or `timeout` in a document's parameters",
    "stream_timeout": "set IDLE_TIMEOUT_S, or `timeout` in a document's parameters",
    "redis_host": _REDIS,
    "redis_port": _REDIS,
    "redis_password": _REDIS,
    "redis_url": _REDIS,
    "enable_pre_call_checks": "a request that is too long is refused by the provider",
    "enable_tag_filtering": "tags are not known here: make models private to projects",
    "default_max_parallel_requests": "set MAX_CONCURRENT_REQUESTS for the whole gateway",
}
LITELLM: Final[Mapping[str, str]] = {
    "fallbacks": _NEXT_DEPLOYMENT,
    "context_window_fallbacks": _NEXT_DEPLOYMENT,
    "content_policy_fallbacks": _NEXT_DEPLOYMENT,
    "default_fallbacks": _NEXT_DEPLOYMENT,
    "num_retries": _RETRIES,
    "allowed_fails": "no deployment is put aside for failing",
    "request_timeout": "set FIRST_BYTE_TIMEOUT_S, or `timeout` in a document's parameters",
    "callbacks": _LOGGING,
    "success_callback": _LOGGING,
    "failure_callback": _LOGGING,
    "service_callbacks": _LOGGING,
    "turn_off_message_logging": "messages are never logged here",
    "redact_user_api_key_info": "keys are never logged here",
    "json_logs": "set nothing: the access log is JSON",
    "set_verbose": "set LOG_LEVEL=debug",
    "cache": _CACHE,
    "cache_params": _CACHE,
    "max_budget": _BUDGET,
    "budget_duration": _BUDGET,
    "max_parallel_requests": "set MAX_CONCURRENT_REQUESTS for the whole gateway",
    "default_team_settings": "teams are projects here: `llmproxy projects set`",
    "default_internal_user_params": "there are no users here, only projects and their keys",
    "ssl_verify": "certificates are always verified; SSL_CERT_FILE names others to trust",
    "modify_params": "requests are not repaired here",
    "model_alias_map": "import it as `router_settings.model_group_alias`",
}
GENERAL: Final[Mapping[str, str]] = {
    "database_url": _DATABASE,
    "store_model_in_db": _DATABASE,
    "database_connection_pool_limit": _DATABASE,
    "alerting": "there are no alerts here: watch /health/ready and /metrics",
    "alerting_threshold": "there are no alerts here: watch /health/ready and /metrics",
    "max_parallel_requests": "set MAX_CONCURRENT_REQUESTS for the whole gateway",
    "global_max_parallel_requests": "set MAX_CONCURRENT_REQUESTS for the whole gateway",
    "max_request_size_mb": "set MAX_BODY_BYTES and MAX_UPLOAD_BYTES",
    "pass_through_endpoints": "there are none here",
    "custom_auth": "callers have keys of projects: `llmproxy keys create`",
    "enable_jwt_auth": "callers have keys of projects: `llmproxy keys create`",
    "key_management_system": "set AZURE_KEY_VAULT_URL, or mount secrets as files",
    "key_management_settings": "set AZURE_KEY_VAULT_URL, or mount secrets as files",
    "background_health_checks": "run `llmproxy models check` when it is wanted",
    "health_check_interval": "run `llmproxy models check` when it is wanted",
    "disable_spend_logs": "the journal is always kept",
}
_UNKNOWN: Final = "there is nothing like it here"


def remark_settings(config: Mapping[str, object], remarks: Remarks) -> None:
    """Note every setting outside `model_list` that is not taken over."""
    for name, value in config.items():
        if name in _SECTIONS:
            known = _SECTIONS[name]
            values = value if isinstance(value, Mapping) else {}
            for field in values:
                if f"{name}.{field}" not in _HANDLED:
                    remarks.left_out(f"{name}.{field}", known.get(str(field), _UNKNOWN))
        elif name == "environment_variables":
            _remark_variables(value, remarks)
        elif name not in ("model_list", "credential_list"):
            remarks.left_out(str(name), TOP.get(str(name), _UNKNOWN))
    general = config.get("general_settings")
    if isinstance(general, Mapping) and general.get("master_key"):
        _remark_master_key(general["master_key"], remarks)


_SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "router_settings": ROUTER,
    "litellm_settings": LITELLM,
    "general_settings": GENERAL,
}
_HANDLED: Final = frozenset(
    {
        "router_settings.model_group_alias",
        "litellm_settings.drop_params",
        "general_settings.master_key",
    }
)


def _remark_master_key(value: object, remarks: Remarks) -> None:
    name = variable_of(value)
    shown = f"the value of {name}" if name else "a fresh key, not the one that stands here"
    remarks.to_do(
        "general_settings.master_key",
        f"set LLMPROXY_ADMIN_KEY to {shown} (at least 32 characters), or make a key with"
        " `llmproxy keys create --admin`",
    )


def _remark_variables(value: object, remarks: Remarks) -> None:
    for name in value if isinstance(value, Mapping) else ():
        remarks.to_do(
            f"environment_variables.{name}",
            f"values are not imported: set {name} in the environment or in .env, if a document"
            " names it",
        )
