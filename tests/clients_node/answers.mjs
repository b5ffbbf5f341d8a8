// Plain answers and streams: text, usage, tools, structured outputs, raw responses, the model list.

import { newClient, read, report, textOf } from "./report.mjs";

const client = newClient();
const model = process.argv[2];
const messages = [{ role: "user", content: "hello there" }];
const tool = {
  type: "function",
  function: {
    name: "get_weather",
    parameters: {
      type: "object",
      properties: { city: { type: "string" } },
      required: ["city"],
      additionalProperties: false,
    },
  },
};
const format = {
  type: "json_schema",
  json_schema: {
    name: "recipe",
    strict: true,
    schema: {
      type: "object",
      properties: { name: { type: "string" }, vegan: { type: "boolean" } },
      required: ["name", "vegan"],
      additionalProperties: false,
    },
  },
};

const plain = await client.chat.completions.create({ model, messages });
const stream = await read(await client.chat.completions.create({ model, messages, stream: true }));
const counted = await read(
  await client.chat.completions.create({
    model,
    messages,
    stream: true,
    stream_options: { include_usage: true },
  }),
);
const called = await client.chat.completions
  .stream({ model, messages, tools: [tool], tool_choice: "required" })
  .finalChatCompletion();
const parsed = await client.chat.completions.parse({ model, messages, response_format: format });
const { data, response } = await client.chat.completions
  .create({ model, messages, user: "raw" })
  .withResponse();
const models = [];
for await (const listed of client.models.list()) models.push(listed.id);

report({
  text: plain.choices[0].message.content,
  requestID: plain._request_id,
  usage: plain.usage,
  streamed: textOf(stream.chunks),
  streamError: stream.error,
  usageUnasked: stream.chunks.filter((chunk) => chunk.usage).length,
  usageAsked: counted.chunks.at(-1).usage,
  usageAskedChoices: counted.chunks.at(-1).choices,
  finishReason: stream.chunks.filter((chunk) => chunk.choices.length).at(-1).choices[0].finish_reason,
  toolCall: called.choices[0].message.tool_calls[0].function,
  parsed: parsed.choices[0].message.parsed,
  rawStatus: response.status,
  rawRequestID: response.headers.get("x-request-id"),
  rawText: data.choices[0].message.content,
  models,
});
