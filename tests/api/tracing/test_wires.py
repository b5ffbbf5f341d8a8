"""Whatever a provider speaks, it is told of the attempt in which it is asked."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.api.routing.stage import staged
from tests.api.tracing.collector import apart, arrived
from tests.api.tracing.receiver import receiving
from tests.api.tracing.test_spans import chat, parent_line, settings, told
from tests.simulators.anthropic import AnthropicSimulator
from tests.simulators.azure_foundry import AzureFoundrySimulator
from tests.simulators.runner import running
from tests.simulators.simulator import Simulator

PROVIDERS = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "claude": "anthropic",
    "foundry": "azure.ai.inference",
}
"""The conventions' names of those who are asked."""


def deployments(urls: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """A model for each of them."""
    claude = {"secret_name": "ANTHROPIC_SIMULATOR_KEY", "model": "claude-opus-4-5"}
    foundry = {"secret_name": "AZURE_SIMULATOR_KEY", "model": "gpt-4o-mini"}
    return {
        "openai": {"code": "openai"},
        "azure": {"code": "azure"},
        "claude": {
            "code": "claude",
            "provider": "Anthropic",
            "model_type": "Anthropic",
            "parameters": {**claude, "endpoint": urls["claude"]},
        },
        "foundry": {
            "code": "foundry",
            "provider": "Azure",
            "model_type": "AzureFoundry",
            "parameters": {**foundry, "endpoint": urls["foundry"]},
        },
    }


def test_every_wire(tmp_path: Path) -> None:
    """OpenAI's, Azure's and a translated one, plain and streamed."""
    with ExitStack() as stack:
        collector = stack.enter_context(receiving())
        providers: dict[str, Simulator] = {
            "claude": stack.enter_context(running(AnthropicSimulator())),
            "foundry": stack.enter_context(running(AzureFoundrySimulator())),
        }
        made = deployments({name: each.url for name, each in providers.items()})
        ours = settings(collector, ANTHROPIC_SIMULATOR_KEY="sk-ant-simulator")
        stage = stack.enter_context(staged(tmp_path, made, ours, providers))
        for model in made:
            for stream in (False, True):
                assert chat(stage, model=model, stream=stream).status == 200
        _, attempts = apart(arrived(collector, 16))
        for name, provider in PROVIDERS.items():
            own = [each for each in attempts if each.attributes["llmproxy.deployment"] == name]
            assert {each.attributes["gen_ai.provider.name"] for each in own} == {provider}
            assert {parent_line(each) for each in own} == set(told(stage.providers[name]))
            assert len(own) == len(stage.providers[name].requests) == 2
