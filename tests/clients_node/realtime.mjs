// A realtime session over the ws package: one text response, then a close with a code and a reason.

import net from "node:net";
import process from "node:process";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { newClient, report } from "./report.mjs";

// The SDK makes every URL wss, and the gateway of the tests has no TLS: the bytes go over TCP as they are.
const { hostname, port } = new URL(process.env.GATEWAY_BASE_URL);
const createConnection = () => net.connect(Number(port), hostname);
const session = new OpenAIRealtimeWS({ model: process.argv[2], options: { createConnection } }, newClient());
const types = [];
let text = "";
let usage = null;
session.on("event", (event) => types.push(event.type));
session.on("error", (error) => {
  throw error;
});
session.on("response.output_text.delta", (event) => {
  text += event.delta;
});
session.on("response.done", (event) => {
  usage = event.response.usage;
  session.close({ code: 4100, reason: "enough" });
});
session.socket.on("open", () => {
  session.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
  session.send({
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text: "hello there" }] },
  });
  session.send({ type: "response.create" });
});
session.socket.on("close", (code) => report({ text, types, usage, code }));
