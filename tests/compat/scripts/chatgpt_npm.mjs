// chatgpt (transitive-bullshit): a conversation of two turns.
import assert from "node:assert/strict";
import { ChatGPTAPI } from "chatgpt";

const api = new ChatGPTAPI({
  apiKey: process.env.OPENAI_API_KEY,
  apiBaseUrl: process.env.OPENAI_API_BASE,
  completionParams: { temperature: 0, top_p: 1, presence_penalty: 0 },
  systemMessage: "You are a helpful assistant.",
});
let seen = 0;
const first = await api.sendMessage("What color is the sky?", { onProgress: () => seen++ });
assert.ok(first.text.length > 0);
assert.ok(seen > 0);
const second = await api.sendMessage("Hello!", { parentMessageId: first.id });
assert.ok(second.text.length > 0);
