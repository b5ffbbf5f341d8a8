// Text, streams, tools, objects: node answers.mjs WAY MODEL

import process from "node:process";
import { generateObject, generateText, isStepCount, Output, streamText, tool } from "ai";
import { z } from "zod";
import { languageModel, read, report } from "./client.mjs";

const [way, name] = process.argv.slice(2);
const model = languageModel(way, name);
const prompt = "hello there";
const schema = z.object({ name: z.string(), city: z.string() });
const tools = {
  get_weather: tool({
    description: "The weather of a city",
    inputSchema: z.object({ city: z.string() }),
    execute: async ({ city }) => `It is sunny in ${city}.`,
  }),
};
const agent = { model, tools, stopWhen: isStepCount(3), prompt: "use get_weather: call a tool" };

const plain = await generateText({ model, prompt });
const stream = streamText({ model, prompt });
const streamed = await read(stream);
const called = await generateText(agent);
const calledInAStream = await read(streamText(agent));
const { output } = await generateText({ model, prompt, output: Output.object({ schema }) });
const { object } = await generateObject({ model, prompt, schema });
const partial = streamText({ model, prompt, output: Output.object({ schema }) });
let lastPartial;
for await (const each of partial.partialOutputStream) lastPartial = each;

report({
  text: plain.text,
  finishReason: plain.finishReason,
  usage: [plain.usage.inputTokens, plain.usage.outputTokens],
  requestID: Boolean(plain.response.headers["x-request-id"]),
  streamed,
  streamedUsage: await stream.usage.then((usage) => [usage.inputTokens, usage.outputTokens]),
  steps: called.steps.map((step) => step.toolCalls.map((call) => [call.toolName, call.input])),
  said: called.text,
  saidInAStream: calledInAStream.text,
  output,
  object,
  lastPartial,
});
