// What the programs beside this file share: the three ways to the gateway, and one line of JSON as the report.

import process from "node:process";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, RetryError } from "ai";

export const base = { baseURL: process.env.GATEWAY_BASE_URL, apiKey: process.env.LLMPROXY_API_KEY };

/** A provider: `compatible`, or `@ai-sdk/openai` by chat completions or by responses. */
export function provider(way, options = {}) {
  const settings = { ...base, ...options };
  if (way === "compatible") {
    return createOpenAICompatible({
      name: "gateway",
      includeUsage: true,
      supportsStructuredOutputs: true,
      ...settings,
    });
  }
  return createOpenAI(settings);
}

/** A language model of that provider. */
export function languageModel(way, name, options = {}) {
  const made = provider(way, options);
  return way === "chat" ? made.chat(name) : made(name);
}

/** What an error says, in fields that compare; of retries the last. */
export function described(error) {
  const last = RetryError.isInstance(error) ? error.lastError : error;
  const known = APICallError.isInstance(last);
  return {
    retried: RetryError.isInstance(error),
    class: last?.name ?? null,
    status: known ? (last.statusCode ?? null) : null,
    retryable: known ? last.isRetryable : null,
    code: known ? (last.data?.error?.code ?? null) : null,
    retryAfter: known ? (last.responseHeaders?.["retry-after"] ?? null) : null,
    requestID: known ? Boolean(last.responseHeaders?.["x-request-id"]) : null,
    message: String(last?.message ?? last),
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
  throw new Error(`no error, but ${JSON.stringify(value?.text)}`);
}

/** Reads a stream's parts: its text, why it ended, and the error in it. */
export async function read(result) {
  const seen = { text: "", pieces: 0, finishReason: null, error: null };
  for await (const part of result.stream) {
    if (part.type === "text-delta") {
      seen.text += part.text;
      seen.pieces += 1;
    }
    if (part.type === "finish") seen.finishReason = part.finishReason;
    if (part.type === "error") seen.error = described(part.error);
  }
  return seen;
}

/** Prints the report that the Python test reads. */
export function report(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}
