"""From LiteLLM's `config.yaml` to model documents, with a word on everything that stays behind.

The format is that of LiteLLM 1.110.2: docs.litellm.ai/docs/proxy/configs (2026-10-13),
`litellm/types/router.py` (`LiteLLM_Params`, `ModelInfo`) and
`litellm/litellm_core_utils/get_llm_provider_logic.py` (which provider a name means).
"""
