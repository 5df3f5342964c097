// The Node client of 2023 (v3): Configuration and OpenAIApi over axios.
import assert from "node:assert/strict";
import openai from "openai";

const { Configuration, OpenAIApi } = openai;
const client = new OpenAIApi(
  new Configuration({ apiKey: process.env.OPENAI_API_KEY, basePath: process.env.OPENAI_API_BASE }),
);
const messages = [{ role: "user", content: "What color is the sky?" }];
const chat = await client.createChatCompletion({ model: "x", messages, temperature: 0 });
assert.equal(chat.data.choices[0].message.content, "The sky is blue.");
const completion = await client.createCompletion({ model: "x", prompt: "Once upon a time", max_tokens: 5 });
assert.ok(completion.data.choices[0].text);
const models = await client.listModels();
assert.ok((await client.retrieveModel(models.data.data[0].id)).data.id);
const engines = await client.listEngines();
assert.equal(engines.data.data[0].object, "engine");
const edit = await client.createEdit({ model: "x", input: "winter", instruction: "Repeat the word" });
assert.ok(edit.data.choices[0].text);
