// Embeddings by both packages: node embeddings.mjs MODEL

import process from "node:process";
import { embed, embedMany } from "ai";
import { provider, report } from "./client.mjs";

const found = {};
for (const way of ["compatible", "openai"]) {
  const model = provider(way).embeddingModel(process.argv[2]);
  const one = await embed({ model, value: "one" });
  const many = await embedMany({ model, values: ["one", "two", "three"] });
  found[way] = {
    lengths: [one.embedding, ...many.embeddings].map((vector) => vector.length),
    same: JSON.stringify(one.embedding) === JSON.stringify(many.embeddings[0]),
    tokens: one.usage.tokens,
  };
}
report(found);
