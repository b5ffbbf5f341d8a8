// How often openai-node tries each kind of failure, which the Python test counts at the provider.

import { errorOf, newClient, report } from "./report.mjs";

const client = newClient({ maxRetries: 2 });
const messages = [{ role: "user", content: "hello there" }];
const seen = {};
for (const status of process.argv.slice(2)) {
  seen[status] = await errorOf(
    client.chat.completions.create({ model: "gpt-4o-mini", messages, user: `status ${status}` }),
  );
}
seen.leftOut = await errorOf(client.files.list());
report(seen);
