// Vercel's AI SDK through its OpenAI-compatible provider: text, stream, a tool.
import assert from "node:assert/strict";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, streamText, tool } from "ai";
import { z } from "zod";

const provider = createOpenAICompatible({ name: "hearth", baseURL: process.env.OPENAI_API_BASE, apiKey: "x" });
const model = provider("x");
const { text } = await generateText({ model, prompt: "What color is the sky?", temperature: 0 });
assert.equal(text, "The sky is blue.");
let streamed = "";
for await (const piece of streamText({ model, prompt: "What color is the sky?", temperature: 0 }).textStream) streamed += piece;
assert.equal(streamed, "The sky is blue.");
const get_weather = tool({ description: "Get the weather of a city", inputSchema: z.object({ city: z.string() }) });
const { toolCalls } = await generateText({ model, tools: { get_weather }, prompt: "What is the weather in Paris?", temperature: 0 });
assert.equal(toolCalls[0].input.city, "Paris");
