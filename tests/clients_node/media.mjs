// Speech, transcriptions and edits of images: files of every kind, streams, and what is cut.

import fs from "node:fs";
import process from "node:process";
import { toFile } from "openai";
import { newClient, report } from "./report.mjs";

const client = newClient();
const path = process.argv[2];
const bytes = fs.readFileSync(path);

async function heard(file, more = {}) {
  return client.audio.transcriptions.create({ model: "scribe", file, ...more });
}

const fromPath = await heard(fs.createReadStream(path));
const fromBytes = await heard(await toFile(bytes, "a.mp3"));
const fromFile = await heard(new File([bytes], "a.mp3"));
const text = await client.audio.transcriptions.create({
  model: "whisper",
  file: fs.createReadStream(path),
  response_format: "text",
});
const events = [];
for await (const event of await heard(await toFile(bytes, "a.mp3"), { stream: true })) events.push(event);

const spoken = await client.audio.speech.create({ model: "voice", input: "hello there", voice: "coral" });
const sound = Buffer.from(await spoken.arrayBuffer());

const image = await toFile(bytes, "a.png", { type: "image/png" });
const edited = await client.images.edit({ model: "painter", image: [image, image], prompt: "a hat", n: 2 });

const cut = {};
try {
  const answer = await client.audio.speech.create({ model: "voice", input: "cut " + "x".repeat(400), voice: "coral" });
  cut.status = answer.status;
  await answer.arrayBuffer();
  cut.complete = true;
} catch (error) {
  cut.error = error.constructor.name;
}

report({
  texts: [fromPath.text, fromBytes.text, fromFile.text],
  plain: text,
  deltas: events.filter((event) => event.type === "transcript.text.delta").map((event) => event.delta).join(""),
  last: events.at(-1).type,
  soundType: spoken.headers.get("content-type"),
  sound: sound.toString("base64"),
  images: edited.data.length,
  cut,
});
