// Embeddings, completions, moderations and images: plain, raw, streamed, broken and left.
// The faults are planned by the Python test, in this order.

import { errorOf, newClient, read, report } from "./report.mjs";

const client = newClient();

const embedded = await client.embeddings.create({ model: "embedder", input: ["a", "b c"] });
const floats = await client.embeddings.create({
  model: "embedder",
  input: ["a", "b c"],
  encoding_format: "float",
});
const { data: completed, response } = await client.completions
  .create({ model: "instruct", prompt: "hello" })
  .withResponse();
const words = await read(
  await client.completions.create({
    model: "instruct",
    prompt: "hello",
    stream: true,
    stream_options: { include_usage: true },
  }),
);
const judged = await client.moderations.create({ model: "moderator", input: "I want to kill them." });
const drawn = await client.images.generate({ model: "painter", prompt: "a sea otter" });
const events = await read(
  await client.images.generate({
    model: "painter",
    prompt: "a sea otter",
    stream: true,
    partial_images: 2,
  }),
);
const refused = {
  embeddings: await errorOf(client.embeddings.create({ model: "embedder", input: [] })),
  completions: await errorOf(client.completions.create({ model: "instruct", prompt: "", n: 1 })),
  moderations: await errorOf(client.moderations.create({ model: "moderator", input: [] })),
  images: await errorOf(client.images.generate({ model: "painter", prompt: "x", n: 11 })),
};

const brokenWords = await read(
  await client.completions.create({ model: "instruct", prompt: "hello", stream: true }),
);
const brokenImage = await read(
  await client.images.generate({ model: "painter", prompt: "x", stream: true, partial_images: 3 }),
);
const left = await client.images.generate({
  model: "painter",
  prompt: "x",
  stream: true,
  partial_images: 3,
});
let first = null;
for await (const event of left) {
  first = event.type;
  break;
}

report({
  sameNumbers:
    JSON.stringify(embedded.data.map((each) => Array.from(each.embedding))) ===
    JSON.stringify(floats.data.map((each) => each.embedding)),
  embeddingUsage: embedded.usage,
  completion: completed.choices[0].text,
  rawRequestID: response.headers.get("x-request-id"),
  streamed: words.chunks.map((chunk) => chunk.choices[0]?.text ?? "").join(""),
  streamedUsage: words.chunks.at(-1).usage,
  flagged: judged.results[0].flagged,
  imageUsage: drawn.usage,
  png: Buffer.from(drawn.data[0].b64_json, "base64").toString("latin1", 1, 4),
  events: events.chunks.map((event) => event.type),
  eventUsage: events.chunks.at(-1).usage.output_tokens,
  refused,
  brokenWords: { text: brokenWords.chunks.map((c) => c.choices[0].text).join(""), error: brokenWords.error },
  brokenImage: { events: brokenImage.chunks.map((event) => event.type), error: brokenImage.error },
  first,
});
// Stay alive, so that it is the SDK that ends the request and not the end of this process.
await new Promise((resolve) => setTimeout(resolve, 300));
