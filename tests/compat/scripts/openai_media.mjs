// The official Node client, newest and v4: embeddings, moderations, speech, transcription, images.
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";

const client = new OpenAI({ apiKey: process.env.OPENAI_API_KEY, baseURL: process.env.OPENAI_API_BASE, maxRetries: 0 });
const size = (data) => [data.readUInt32BE(16), data.readUInt32BE(20)];

const input = ["How do I get a refund?", "The sky is blue."];
const embedded = await client.embeddings.create({ model: "x", input });
assert.deepEqual(embedded.data.map((each) => each.index), [0, 1]);
const floats = await client.embeddings.create({ model: "x", input, encoding_format: "float" });
assert.equal(embedded.data[0].embedding.length, floats.data[0].embedding.length);
embedded.data[1].embedding.forEach((value, i) => assert.ok(Math.abs(value - floats.data[1].embedding[i]) < 1e-6));

const judged = await client.moderations.create({ input: "I love my garden." });
assert.equal(typeof judged.results[0].categories.violence, "boolean");

const spoken = await client.audio.speech.create({ model: "x", voice: "alloy", input: "green house water", response_format: "wav" });
const wav = Buffer.from(await spoken.arrayBuffer());
assert.equal(wav.subarray(0, 4).toString(), "RIFF");
const heard = await client.audio.transcriptions.create({ model: "whisper-1", file: await toFile(wav, "speech.wav"), language: "en" });
assert.equal(heard.text.trim().toLowerCase(), "green house water");
const detailed = await client.audio.transcriptions.create({
  model: "whisper-1",
  file: await toFile(wav, "speech.wav"),
  response_format: "verbose_json",
  timestamp_granularities: ["word"],
});
assert.ok(detailed.words.length > 0);
const stream = await client.audio.transcriptions.create({ model: "whisper-1", file: await toFile(wav, "speech.wav"), stream: true });
let deltas = "";
let last;
for await (const event of stream) {
  if (event.type === "transcript.text.delta") deltas += event.delta;
  last = event;
}
assert.equal(last.type, "transcript.text.done");
assert.equal(deltas, last.text);

const made = await client.images.generate({ prompt: "a red circle", size: "64x64", response_format: "b64_json" });
const picture = Buffer.from(made.data[0].b64_json, "base64");
assert.deepEqual(size(picture), [64, 64]);
const linked = await client.images.generate({ prompt: "a red circle", size: "64x64", response_format: "url" });
const fetched = Buffer.from(await (await fetch(linked.data[0].url)).arrayBuffer());
assert.deepEqual(size(fetched), [64, 64]);
const edited = await client.images.edit({ image: await toFile(picture, "red.png", { type: "image/png" }), prompt: "a green circle" });
assert.ok(edited.data[0].b64_json);
const varied = await client.images.createVariation({ image: await toFile(picture, "red.png", { type: "image/png" }), response_format: "b64_json" });
assert.ok(varied.data[0].b64_json);
const drawing = await client.images.generate({ prompt: "a blue square", stream: true, partial_images: 1 });
if (typeof drawing !== "string") {
  // v4 has no streams of images, and hands over their text
  const types = [];
  for await (const event of drawing) types.push(event.type);
  assert.deepEqual(types, ["image_generation.partial_image", "image_generation.completed"]);
}

await assert.rejects(client.images.generate({ prompt: "a red circle", size: "7x7" }), (error) => error.status === 400 && error.param === "size");
await assert.rejects(
  client.audio.transcriptions.create({ model: "whisper-1", file: await toFile(Buffer.from("no sound"), "x.wav") }),
  (error) => error.status === 400 && error.param === "file",
);
