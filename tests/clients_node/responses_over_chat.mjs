// Responses of a model that only chats, put together by openai-node's own stream; a loop over a tool.

import { newClient, report } from "./report.mjs";

const client = newClient();
const [model, effort] = process.argv.slice(2);
const tools = [
  {
    type: "function",
    name: "get_weather",
    strict: false,
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
];
const asked = { model, tools, ...(effort ? { reasoning: { effort } } : {}) };
const input = [{ role: "user", content: "call get_weather please" }];

const stream = client.responses.stream({ ...asked, input });
const numbers = [];
for await (const event of stream) numbers.push(event.sequence_number);
const first = await stream.finalResponse();
const calls = first.output.filter((item) => item.type === "function_call");
input.push(...first.output);
for (const call of calls)
  input.push({ type: "function_call_output", call_id: call.call_id, output: "result: rain" });
const second = await client.responses.stream({ ...asked, input }).finalResponse();

report({
  numbers,
  names: calls.map((call) => call.name),
  thought: first.output.filter((item) => item.type === "reasoning").length,
  text: second.output_text,
  status: second.status,
});
