"""LiteLLM's whole answer, in OpenAI's words: in one piece, or as the events of a stream."""

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.long_tail.counts import counted
from llmproxy.infra.providers.long_tail.deltas import finish_of, json_of
from llmproxy.infra.providers.long_tail.importing import Foreign
from llmproxy.infra.providers.translated.chat_answer import (
    AnswerHead,
    SaidCall,
    SaidChoice,
    answer_head,
    asks_for_usage,
    chat_answer,
)
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.translation import EVENT_STREAM, Translated


def translated(call: Call, response: Foreign) -> Translated:
    """Return the answer. Raises Broken for one without any choice, or without a known end."""
    choices = [_choice(each) for each in response.choices]
    if not choices:
        raise Broken("The provider's answer holds nothing.")
    usage = counted(getattr(response, "usage", None))
    head = answer_head(call, response.id)
    if call.stream:
        return Translated(_events(call, head, choices, usage), usage, EVENT_STREAM)
    return Translated(chat_answer(head, choices, usage), usage)


def _choice(choice: Foreign) -> SaidChoice:
    message = choice.message
    finish = finish_of(choice.finish_reason)
    if finish is None:
        raise Broken("The provider ended its answer early.")
    thoughts = getattr(message, "thinking_blocks", None)
    return SaidChoice(
        text=message.content,
        finish=finish,
        calls=[_call(each) for each in message.tool_calls or ()],
        reasoning=getattr(message, "reasoning_content", None) or "",
        refusal=getattr(message, "refusal", None),
        logprobs=json_of(getattr(choice, "logprobs", None)),
        further={"thinking_blocks": json_of(thoughts)} if thoughts else {},
    )


def _call(call: Foreign) -> SaidCall:
    function = call.function
    if not call.id or not function.name:
        raise Broken("The provider called a tool without an id or a name.")
    return SaidCall(call.id, function.name, function.arguments or "{}")


def _events(call: Call, head: AnswerHead, choices: list[SaidChoice], usage: Usage | None) -> bytes:
    chunks = ChatChunks(head, include_usage=asks_for_usage(call))
    events = []
    for index, said in enumerate(choices):
        events.append(chunks.role(index))
        events.append(chunks.reasoning(said.reasoning, index))
        if said.further:
            events.append(chunks.further(said.further, index))
        events.append(chunks.text(said.text or "", index, said.logprobs))
        events.append(chunks.refusal(said.refusal or "", index))
        for each in said.calls:
            number, begun = chunks.tool_begins(each.id, each.name, index)
            events.append(begun + chunks.tool_arguments(number, each.arguments, index))
        chunks.finishes(said.finish, index)
    events.append(chunks.end(usage))
    return b"".join(events)
