// Errors as the AI SDK sees them: node failures.mjs WAY MODEL OTHER-MODEL HOPELESS-MODEL

import process from "node:process";
import { generateText, streamText } from "ai";
import { errorOf, languageModel, read, report } from "./client.mjs";

const [way, name] = process.argv.slice(2);
const prompt = "hello there";
const model = languageModel(way, name);

async function broken() {
  const errors = [];
  const seen = await read(streamText({ model, prompt, maxRetries: 0, onError: (each) => errors.push(each) }));
  return { ...seen, toldOnError: errors.length };
}

const noKey = await errorOf(
  generateText({ model: languageModel(way, name, { apiKey: "sk-wrong" }), prompt }),
);
const unknownModel = await errorOf(generateText({ model: languageModel(way, "gpt-0"), prompt }));
// Another model, so that it does not meet the faults that are planned for the first.
const limited = languageModel(way, process.argv[4], { apiKey: process.env.LIMITED_API_KEY });
await generateText({ model: limited, prompt });
const overTheLimit = await errorOf(generateText({ model: limited, prompt, maxRetries: 0 }));
const streamOverTheLimit = await read(
  streamText({ model: limited, prompt, maxRetries: 0, onError: () => {} }),
);
// Planned by the test, in this order: a failure, two busy answers, an error in a stream, a stream that is cut.
const failed = await errorOf(generateText({ model, prompt, maxRetries: 0 }));
const attempts = [];
const watched = async (...request) => {
  const response = await fetch(...request);
  attempts.push([response.status, response.headers.get("retry-after-ms")]);
  return response;
};
const began = Date.now();
const retried = await generateText({ model: languageModel(way, name, { fetch: watched }), prompt });
const retriedAfterMs = Date.now() - began;
const errorInTheStream = await broken();
const cut = await broken();
let textAlone = "";
for await (const piece of streamText({ model, prompt, onError: () => {} }).textStream) textAlone += piece;
// The provider does not know the gateway's model: no retry mends that, and the gateway says so.
const hopeless = await errorOf(
  generateText({ model: languageModel(way, process.argv[5]), prompt, maxRetries: way === "compatible" ? 1 : 0 }),
);

report({
  noKey,
  unknownModel,
  overTheLimit,
  streamOverTheLimit,
  failed,
  retried: retried.text,
  retriedAfterMs,
  attempts,
  errorInTheStream,
  cut,
  textAlone,
  hopeless,
});
