// Breaks out of a stream after the first word: the SDK aborts its request.

import { newClient, report } from "./report.mjs";

const client = newClient();
const stream = await client.chat.completions.create({
  model: "gpt-4o-mini",
  messages: [{ role: "user", content: "count to 500" }],
  stream: true,
});
let first = null;
for await (const chunk of stream) {
  first = chunk.choices[0]?.delta?.content;
  if (first) break;
}
report({ first });
// Stay alive, so that it is the SDK that ends the request and not the end of this process.
await new Promise((resolve) => setTimeout(resolve, 300));
