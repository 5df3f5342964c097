/* A button "Speak" below each reply, and a player where it has spoken. Value: {n, sound} or {n, problem}, the answer to request n. */

const asked = new Map();
let count = 0;

const talk = () => document.querySelector("#chat-messages");
const isAutomatic = () => Boolean(document.querySelector("#tts-autoplay input")?.checked);

/* What the reply says: without thinking, calls of tools, and code. */
const textOf = (row) => [...row.querySelectorAll(".message-body .rendered")].map((part) => {
  const copy = part.cloneNode(true);
  copy.querySelectorAll(".code, pre").forEach((code) => code.remove());
  return copy.textContent.trim();
}).join("\n").trim();

const place = (row, node) => {
  row.querySelectorAll(".tts-player, .tts-problem").forEach((old) => old.remove());
  if (node) row.querySelector(".message-body").after(node);
};

const speak = (row) => {
  const text = textOf(row);
  if (!text || row.isSpeaking) return;
  row.isSpeaking = true;
  count += 1;
  asked.set(count, { row, text });
  const button = row.querySelector(".tts-speak");
  if (button) button.disabled = true;
  trigger("speak", { n: count, text });
};

const take = (answer) => {
  const waiting = answer && asked.get(answer.n);
  if (!waiting) return;
  asked.delete(answer.n);
  const { row, text } = waiting;
  row.isSpeaking = false;
  const button = row.querySelector(".tts-speak");
  if (button) button.disabled = false;
  if (!row.isConnected || textOf(row) !== text) return;
  if (answer.problem) {
    const note = document.createElement("p");
    note.className = "tts-problem";
    note.textContent = answer.problem;
    place(row, note);
    return;
  }
  const player = document.createElement("audio");
  player.className = "tts-player";
  player.controls = true;
  player.src = answer.sound;
  place(row, player);
  player.play().catch(() => {}); /* A browser may want a click on the page first. */
};

const addButton = (row) => {
  const foot = row.querySelector(".message-foot");
  if (!foot.children.length || foot.querySelector(".tts-speak")) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button tts-speak";
  button.textContent = "Speak";
  button.disabled = Boolean(row.isSpeaking);
  button.addEventListener("click", () => speak(row));
  foot.append(button);
};

const look = () => {
  isPlanned = false;
  if (talk()?.querySelector(".message.writing")) return;
  for (const row of talk()?.querySelectorAll(".message[data-role=assistant]") || []) {
    addButton(row);
    if (row.spokenText !== undefined && row.spokenText !== textOf(row)) place(row, null);
    row.spokenText = textOf(row);
    if (!row.hasWritten) continue;
    row.hasWritten = false;
    place(row, null);
    if (isAutomatic()) speak(row);
  }
};

let isPlanned = false;
const plan = (changes = []) => {
  for (const { target, oldValue } of changes)
    if (oldValue?.includes("writing") && target.matches(".message")) target.hasWritten = true; /* It is over, perhaps at once. */
  if (isPlanned) return;
  isPlanned = true;
  setTimeout(look, 150);
};
const begin = () => {
  if (!talk()) { setTimeout(begin, 200); return; }
  new MutationObserver(plan).observe(talk(), { childList: true, subtree: true, attributes: true, attributeFilter: ["class"], attributeOldValue: true });
  plan();
};

watch("value", () => take(props.value));
begin();
