// Errors as openai-node raises them. The faults are planned by the Python test, in this order.

import { errorOf, newClient, read, report, textOf } from "./report.mjs";

const client = newClient();
const messages = [{ role: "user", content: "hello there" }];
const ask = (model, more = {}) => client.chat.completions.create({ model, messages, ...more });
const broken = async (model) => {
  const { chunks, error } = await read(await ask(model, { stream: true }));
  return { text: textOf(chunks), error };
};

const midStream = { errorFrame: await broken("gpt-4o-mini"), cut: await broken("gpt-4o-mini") };
const beforeContent = await errorOf(ask("gpt-4o-mini", { stream: true }));
const busy = await errorOf(ask("gpt-4o-mini"));
const retried = await newClient({ maxRetries: 2 }).chat.completions.create({
  model: "gpt-4o-mini",
  messages,
});
const unknownModel = await errorOf(ask("gpt-0"));
const badValue = await errorOf(ask("gpt-4o-mini", { messages: [] }));
const unknownField = await errorOf(ask("gpt-4o-mini", { unknown_thing: 1 }));
const unknownPath = await errorOf(client.post("/chat/nothing", { body: {} }));

report({
  midStream,
  beforeContent,
  busy,
  retried: retried.choices[0].message.content,
  unknownModel,
  badValue,
  unknownField,
  unknownPath,
});
