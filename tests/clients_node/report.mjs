// What the programs beside this file share: the client, and one line of JSON as the report.

import process from "node:process";
import OpenAI from "openai";

/** A client of the gateway; retries are off unless a program wants them. */
export function newClient(options = {}) {
  return new OpenAI({
    baseURL: process.env.GATEWAY_BASE_URL,
    apiKey: "sk-none",
    maxRetries: 0,
    timeout: 10_000,
    ...options,
  });
}

/** What an SDK error says, in fields that compare. */
export function described(error) {
  return {
    class: error.constructor.name,
    isAPIError: error instanceof OpenAI.APIError,
    status: error.status ?? null,
    code: error.code ?? null,
    param: error.param ?? null,
    type: error.type ?? null,
    requestID: Boolean(error.requestID),
    message: error.message,
  };
}

/** The error that a promise ends in; throws when it ends well. */
export async function errorOf(promise) {
  let value;
  try {
    value = await promise;
  } catch (error) {
    return described(error);
  }
  throw new Error(`no error, but ${JSON.stringify(value)}`);
}

/** Iterates over a stream: the chunks, and the error if it ended in one. */
export async function read(stream) {
  const chunks = [];
  try {
    for await (const chunk of stream) chunks.push(chunk);
  } catch (error) {
    return { chunks, error: described(error) };
  }
  return { chunks, error: null };
}

/** The text of chunks. */
export function textOf(chunks) {
  return chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");
}

/** Prints the report that the Python test reads. */
export function report(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
