// Responses: plain, streamed, gone on from, asked for by id, broken in the middle and left.

import { errorOf, newClient, read, report } from "./report.mjs";

const client = newClient({ apiKey: process.env.OPENAI_API_KEY });
const plain = await client.responses.create({ model: "mini", input: "hello" });
const streamed = await read(await client.responses.create({ model: "mini", input: "hello", stream: true }));
const next = await client.responses.create({ model: "mini", input: "b", previous_response_id: plain.id });
const again = await client.responses.retrieve(plain.id);
const replayed = await read(await client.responses.retrieve(plain.id, { stream: true, starting_after: 2 }));
const items = await client.responses.inputItems.list(plain.id);
const counted = await client.responses.inputTokens.count({ model: "mini", input: "a b" });
const compacted = await client.responses.compact({ model: "mini", input: "a b" });
const job = await client.responses.create({ model: "mini", input: "x", background: true });
const cancelled = await client.responses.cancel(job.id);
await client.responses.delete(plain.id);
const gone = await errorOf(client.responses.retrieve(plain.id));
const broken = await read(
  await client.responses.create({ model: "mini", input: "count to 50 broken", stream: true }),
);

report({
  text: plain.output_text,
  streamed: streamed.chunks.map((event) => event.type),
  sameId: next.previous_response_id === plain.id && again.id === plain.id,
  replayed: replayed.chunks.map((event) => event.sequence_number),
  items: items.data.length,
  counted: counted.input_tokens,
  compacted: compacted.output[0].type,
  cancelled: cancelled.status,
  gone,
  broken: { last: broken.chunks.at(-1).type, error: broken.error },
});
