// The official Node client, newest and v4: chat, stream, tools.
import assert from "node:assert/strict";
import OpenAI from "openai";

const client = new OpenAI({ apiKey: process.env.OPENAI_API_KEY, baseURL: process.env.OPENAI_API_BASE });
const messages = [{ role: "user", content: "What color is the sky?" }];
const whole = await client.chat.completions.create({ model: "x", messages, temperature: 0 });
assert.equal(whole.choices[0].message.content, "The sky is blue.");
let text = "";
const stream = await client.chat.completions.create({ model: "x", messages, temperature: 0, stream: true });
for await (const chunk of stream) text += chunk.choices[0]?.delta?.content ?? "";
assert.equal(text, "The sky is blue.");
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const called = await client.chat.completions.create({
  model: "x",
  messages: [{ role: "user", content: "What is the weather in Paris?" }],
  tools: [{ type: "function", function: { name: "get_weather", description: "Get the weather of a city", parameters } }],
  temperature: 0,
});
assert.deepEqual(JSON.parse(called.choices[0].message.tool_calls[0].function.arguments), { city: "Paris" });
const models = await client.models.list();
assert.ok(models.data[0].id);
await assert.rejects(
  client.chat.completions.create({ model: "x", messages, temperature: 9 }),
  (error) => error.status === 400 && error.param === "temperature",
);
