/* Where people write. Value: {mode, modes, character, characters, thinking, tools, begin, sends_on_enter, can_hear, can_see, draft, placeholder, login, is_private}. */

const form = element.querySelector("form");
const input = element.querySelector("textarea");
const fileList = element.querySelector(".composer-files");
const sendButton = element.querySelector(".composer-send");
const part = (name) => element.querySelector(`.composer-${name}`);
let files = [];
let live = null;
let draftSeen = 0;
let isWaiting = false;

const act = (what, more = {}) => trigger("act", { do: what, ...more });
const isBusy = () => isWaiting || Boolean(live && live.state !== "idle");
const view = () => props.value || {};

const isTypingElsewhere = () => Boolean(document.activeElement?.closest?.("input, textarea, select")) && document.activeElement !== input;

/* ---- Text */

const fit = () => { input.style.height = "auto"; input.style.height = `${Math.min(input.scrollHeight, innerHeight * 0.4)}px`; };
const setText = (text) => { input.value = text; fit(); update(); };
input.addEventListener("input", () => { fit(); update(); });
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.isComposing || event.altKey) return;
  const isModified = event.ctrlKey || event.metaKey;
  const sendsOnEnter = view().sends_on_enter !== false; // also before it is known
  const isNewLine = event.shiftKey || (!sendsOnEnter && !isModified);
  if (isNewLine) return;
  if (isModified && sendsOnEnter) return;
  event.preventDefault();
  event.stopPropagation();
  if (!isBusy()) send("send");
});

/* What is not sent yet survives a reload of the page, in its tab of the browser only: not on the server, not in private chats, and for nobody
   but who has written it. */
const UNSENT = "hearth-unsent";
let isBack = false; // what was kept is in the field again
const forgetUnsent = () => sessionStorage.removeItem(UNSENT);
const keepUnsent = () => {
  if (!isBack) return;
  forgetUnsent();
  const text = input.value || sent?.text || "";
  if (!text.trim() || view().is_private) return;
  try { sessionStorage.setItem(UNSENT, JSON.stringify({ login: view().login, text })); } catch { /* longer than the browser keeps */ }
};
const takeUnsent = () => {
  if (isBack || !view().modes) return;
  isBack = true;
  const kept = JSON.parse(sessionStorage.getItem(UNSENT));
  if (kept && kept.login === view().login) setText([kept.text, input.value].filter(Boolean).join("\n")); // what has been typed meanwhile comes after it
  else forgetUnsent();
};
addEventListener("pagehide", keepUnsent);
document.addEventListener("visibilitychange", () => { if (document.hidden) keepUnsent(); });
document.addEventListener("click", ({ target }) => { if (target.closest?.("#header-login a")) setText(""); });

/* What was sent comes back where the server cannot take it: it is not there, or the login has ended. All that tells is a message in the corner;
   an answer that comes after all takes it away again. */
const PATIENCE_MS = 1000;
let sent = null; // until there is an answer
let early = []; // waits for the first chat of the page, which would be shown in place of the answer if it came after it
const whenKnown = (action) => { if (view().modes) action(); else early.push(action); };
let patience;
const askForAnswer = () => {
  clearInterval(patience);
  patience = setInterval(() => { if (document.querySelector(".toast-body.error")) giveBack(); }, PATIENCE_MS);
};
const giveBack = () => {
  clearInterval(patience);
  early = [];
  isWaiting = false;
  if (sent) {
    files = [...sent.files, ...files];
    drawFiles();
    setText([sent.text, input.value].filter(Boolean).join("\n"));
    sent.shown = input.value;
  }
  update();
};
const takeAnswer = () => {
  clearInterval(patience);
  isWaiting = false;
  if (sent?.shown && sent.shown === input.value) { files = []; drawFiles(); setText(""); }
  sent = null;
};

const send = (what) => {
  const text = input.value;
  const ready = files.filter((file) => file.path);
  if (files.some((file) => !file.path && !file.problem)) return;
  if (!text.trim() && !ready.length) return;
  isWaiting = true;
  whenKnown(() => trigger("reply", { do: what, text, files: ready.map(({ path, name }) => ({ path, name })) }));
  sent = { text, files };
  files = [];
  drawFiles();
  setText("");
  askForAnswer();
  if (isBack) forgetUnsent();
};
form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (isBusy()) act("stop");
  else send("send");
});

/* What is typed while the focus is in no field is for this one: the browser puts the character where the focus is then. Not the space,
   which presses buttons and scrolls. On the window, so after all shortcuts. */
const TAKES_KEYS = "input, textarea, select, [contenteditable], audio, video, [role=dialog], [role=listbox], [role=menu], [role=slider]";
const isText = (event) => event.key?.length === 1 && event.key !== " " && !event.isComposing &&
  (event.getModifierState("AltGraph") || !(event.ctrlKey || event.metaKey || event.altKey));
addEventListener("keydown", (event) => {
  if (!isChatShown() || event.defaultPrevented || !isText(event) || event.target.closest?.(TAKES_KEYS)) return;
  if (document.querySelector(".chat-panel, dialog[open], [aria-modal=true]")) return;
  input.focus({ preventScroll: true });
});

/* ---- Files */

const isUnseen = (file) => !view().can_see && /\.(png|jpe?g|gif|webp|bmp)$/i.test(file.name);
const drawFiles = () => {
  fileList.replaceChildren(...files.map((file) => h("span", { class: `file ${file.problem ? "broken" : ""} ${file.path || file.problem ? "" : "loading"}`, title: file.problem || file.name },
    file.preview ? h("img", { src: file.preview, alt: "" }) : icon("attach", 15), h("span", {}, file.name), file.problem || isUnseen(file) ? h("small", {}, file.problem || "needs a model that sees") : null,
    iconButton("close", `Remove ${file.name}`, () => { files = files.filter((each) => each !== file); drawFiles(); update(); }))));
};
const addFiles = async (given, folders = []) => {
  await Promise.all([...given].map(async (source) => {
    const file = { name: source.name || "pasted file", preview: source.type.startsWith("image/") ? URL.createObjectURL(source) : null };
    files.push(file);
    if (folders.includes(file.name)) file.problem = "is a folder";
    drawFiles();
    if (file.problem) return;
    try { file.path = (await upload(source)).path; } catch { file.problem = "could not be sent"; }
    drawFiles();
    update();
  }));
};
part("attach").addEventListener("click", () => part("file").click());
part("file").addEventListener("change", (event) => { addFiles(event.target.files); event.target.value = ""; input.focus(); });
input.addEventListener("paste", (event) => {
  const { files: pasted = [], types = [] } = event.clipboardData || {};
  const isWritten = types.includes("text/plain") && types.includes("text/html"); // of a sheet or a document, which come with a picture of themselves
  if (!pasted.length || isWritten) return;
  event.preventDefault();
  addFiles(pasted);
});
const zone = () => document.querySelector("#chat-main");
const hasFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
const foldersOf = (items) => [...items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry?.isDirectory).map((entry) => entry.name);
setTimeout(() => {
  zone().addEventListener("dragenter", (event) => { if (hasFiles(event)) form.classList.add("dropping"); });
  zone().addEventListener("dragleave", (event) => { if (!zone().contains(event.relatedTarget)) form.classList.remove("dropping"); });
  zone().addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
  zone().addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    form.classList.remove("dropping");
    addFiles(event.dataTransfer.files, foldersOf(event.dataTransfer.items));
  });
});
/* A file that is let go beside the chat is nobody's: the browser would show it, in place of this page or in another one. */
for (const name of ["dragover", "drop"])
  addEventListener(name, (event) => {
    if (!isChatShown() || !hasFiles(event) || event.defaultPrevented) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "none";
  });

/* ---- Speech: recorded here, sent as a WAV file of 16 kHz, and written out by the server */

let recorder = null;
const toWav = async (blob) => {
  const context = new OfflineAudioContext(1, 1, 16000);
  const sound = await context.decodeAudioData(await blob.arrayBuffer());
  const samples = sound.getChannelData(0);
  const data = new DataView(new ArrayBuffer(44 + samples.length * 2));
  const text = (at, value) => [...value].forEach((letter, i) => data.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); data.setUint32(4, 36 + samples.length * 2, true); text(8, "WAVEfmt "); data.setUint32(16, 16, true);
  data.setUint16(20, 1, true); data.setUint16(22, 1, true); data.setUint32(24, 16000, true); data.setUint32(28, 32000, true);
  data.setUint16(32, 2, true); data.setUint16(34, 16, true); text(36, "data"); data.setUint32(40, samples.length * 2, true);
  samples.forEach((value, i) => data.setInt16(44 + i * 2, Math.max(-1, Math.min(1, value)) * 32767, true));
  return new File([data], "speech.wav", { type: "audio/wav" });
};
const record = async () => {
  if (recorder) { recorder.stop(); return; }
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: true }); } catch { act("no-microphone"); return; }
  const pieces = [];
  recorder = new MediaRecorder(stream);
  recorder.addEventListener("dataavailable", (event) => pieces.push(event.data));
  recorder.addEventListener("stop", async () => {
    stream.getTracks().forEach((track) => track.stop());
    recorder = null;
    part("mic").classList.remove("recording");
    const { path } = await upload(await toWav(new Blob(pieces)));
    act("dictate", { path });
  });
  recorder.start();
  part("mic").classList.add("recording");
};
part("mic").addEventListener("click", record);

/* ---- The controls below */

const choice = (name, label, help, isChosen, action) =>
  h("button", { type: "button", class: "choice", role: "radio", "aria-checked": String(isChosen), "data-value": name, onclick: action },
    h("span", {}, h("b", {}, label), help ? h("small", {}, help) : null), isChosen ? icon("check", 16) : null);
const switchRow = (label, help, isOn, action, name) =>
  h("button", { type: "button", class: "switch-row", role: "switch", "aria-checked": String(isOn), "data-value": name,
    onclick: (event) => { const now = event.currentTarget.getAttribute("aria-checked") !== "true"; event.currentTarget.setAttribute("aria-checked", String(now)); action(now); } },
    h("span", {}, h("b", {}, label), help ? h("small", {}, help) : null), h("i"));
const closing = (action) => () => { document.querySelector(".chat-panel")?.closePanel(); action(); };

const openModes = () => openPanel(part("mode"), [
  h("h3", {}, "How to talk"),
  ...view().modes.map((mode) => choice(mode.id, mode.title, mode.help, mode.id === view().mode, closing(() => act("set", { mode: mode.id })))),
  h("h3", {}, "With whom"),
  h("div", { class: "people" }, ...view().characters.map((who) =>
    h("button", { type: "button", class: "person", role: "radio", "aria-checked": String(who.id === view().character), "data-value": who.id,
      onclick: closing(() => act("set", { character: who.id })) }, picture(who), h("span", {}, who.name)))),
], { above: true, label: "Mode and character" });

const openThink = () => {
  const thinking = view().thinking;
  if (!thinking.has_effort) { act("set", { thinks: !thinking.is_on }); return; }
  openPanel(part("think"), [
    switchRow("Think before answering", thinking.help, thinking.is_on, (on) => act("set", { thinks: on }), "thinks"),
    thinking.has_effort ? h("h3", {}, "Effort") : null,
    thinking.has_effort ? h("div", { class: "segments", role: "radiogroup" }, ...thinking.efforts.map((effort) =>
      h("button", { type: "button", role: "radio", "aria-checked": String(effort === thinking.effort), "data-value": effort,
        onclick: closing(() => act("set", { effort })) }, effort))) : null,
  ].filter(Boolean), { above: true, label: "Thinking" });
};

const toolPanel = () => {
  const tools = view().tools;
  const parts = [switchRow("Let the model call tools", "You are asked before each call.", tools.is_on, (on) => act("set", { tools: on }), "tools")];
  for (const group of tools.groups) {
    parts.push(h("div", { class: `tool-group ${group.state}` }, switchRow(group.title, group.status, group.is_on, (on) => act("tool", { key: group.key, on }), group.key),
      ...group.tools.map((tool) => switchRow(tool.name, tool.description, tool.is_on, (on) => act("tool", { key: tool.name, on }), tool.name))));
  }
  if (!tools.groups.length) parts.push(h("p", { class: "hint" }, tools.hint));
  if (tools.always.length) parts.push(h("h3", {}, "Always allowed in this chat"),
    h("p", { class: "always" }, ...tools.always.map((name) => h("span", { class: "file" }, name, iconButton("close", `Ask for ${name} again`, () => act("ask-again", { name }))))));
  return parts;
};
const openTools = () => {
  const panel = openPanel(part("tools"), h("div", { class: "tool-panel" }, ...toolPanel()), { above: true, label: "Tools" });
  if (panel) act("tools");
};

const openBegin = () => {
  const area = h("textarea", { rows: "3", "aria-label": "Start the reply with", placeholder: "Sure, here is", id: "chat-begin-text" });
  area.value = view().begin;
  area.addEventListener("change", () => act("set", { begin: area.value }));
  area.addEventListener("keydown", (event) => event.stopPropagation());
  openPanel(part("begin"), [h("h3", {}, "Start the reply with"), area, h("p", { class: "hint" }, "Replies begin with this text, and the model goes on from there.")],
    { above: true, label: "Start the reply with" });
  area.focus();
};
// What is clicked before the page knows what there is opens as soon as it does.
let clickedEarly = null;
for (const [name, action] of [["mode", openModes], ["think", openThink], ["tools", openTools], ["begin", openBegin]])
  part(name).addEventListener("click", () => { if (view().modes) action(); else clickedEarly = action; });

const pill = (name, picked, label, isOn, title) => {
  const button = part(name);
  const print = JSON.stringify([label, isOn, title]);
  if (button.print === print) return;
  button.print = print;
  button.replaceChildren(picked, h("span", {}, label));
  button.classList.toggle("on", isOn);
  button.title = title;
};

const drawMeter = () => {
  const meter = element.querySelector(".chat-meter");
  const context = (isBusy() && live?.context) || view().context; // the last reply may have been of another chat
  if (!context || !context.total) { meter.replaceChildren(); return; }
  const share = Math.min(1, context.used / context.total);
  meter.title = `${context.used.toLocaleString("en")} of ${context.total.toLocaleString("en")} tokens of the context are used`;
  meter.replaceChildren(h("span", { class: "chat-meter-speed" }, (live && live.speed) || ""), h("span", { class: "chat-meter-bar" }, h("i", { style: `width:${(share * 100).toFixed(1)}%` })),
    h("span", { class: "chat-meter-count" }, `${short(context.used)} / ${short(context.total)}`));
  meter.classList.toggle("full", share > 0.9);
};
const short = (count) => (count < 10000 ? String(count) : `${(count / 1000).toFixed(count < 100000 ? 1 : 0)}k`);

const update = () => {
  const value = view();
  if (!value.modes) return;
  const who = value.who;
  const mode = value.modes.find((each) => each.id === value.mode);
  pill("mode", picture(who, "tiny"), value.mode === "instruct" ? who.name : `${who.name} · ${mode.title}`, value.character !== "" || value.mode !== "instruct", "Mode and character");
  pill("think", icon("think", 16), value.thinking.has_effort && value.thinking.is_on ? `Think · ${value.thinking.effort}` : "Think", value.thinking.is_on, "Thinking");
  part("think").hidden = !value.thinking.can;
  pill("tools", icon("tools", 16), "Tools", value.tools.is_on, "Tools");
  pill("begin", icon("edit", 16), "Start with", Boolean(value.begin), value.begin || "Start the reply with");
  part("mic").hidden = !value.can_hear;
  input.placeholder = value.placeholder;
  const busy = isBusy();
  const isEmpty = !input.value.trim() && !files.some((file) => file.path);
  const what = busy ? "stop" : "send";
  if (sendButton.what !== what) { sendButton.what = what; sendButton.replaceChildren(icon(what, busy ? 20 : 20)); sendButton.setAttribute("aria-label", busy ? "Stop" : "Send"); sendButton.title = busy ? "Stop (Esc)" : "Send"; }
  sendButton.classList.toggle("stop", busy);
  sendButton.disabled = !busy && (isEmpty || files.some((file) => !file.path && !file.problem));
  drawMeter();
  const panel = document.querySelector(".chat-panel .tool-panel");
  const toolPrint = JSON.stringify(value.tools);
  if (panel && panel.print !== toolPrint) {
    const focused = [...panel.querySelectorAll("button")].indexOf(document.activeElement);
    panel.print = toolPrint;
    panel.replaceChildren(...toolPanel());
    panel.querySelectorAll("button")[focused]?.focus({ preventScroll: true });
    panel.closest(".chat-panel").place();
  }
  const action = clickedEarly;
  clickedEarly = null;
  action?.();
};

const takeDraft = (draft) => {
  if (!draft || draft.n === draftSeen) return;
  draftSeen = draft.n;
  if (draft.files) { files = draft.files.map((file) => ({ ...file })); drawFiles(); }
  setText(draft.adds && input.value.trim() ? `${input.value.trimEnd()} ${draft.text}` : draft.text);
  input.focus();
};

hear("live", (value) => {
  live = value;
  takeAnswer();
  if (typeof value?.draft === "string") setText(value.draft);
  update();
});
hear("ask", (text) => { if (!isBusy()) { setText(text); send("send"); focus(); } });
hear("impersonate", () => { if (!isBusy()) { isWaiting = true; trigger("reply", { do: "impersonate", text: input.value }); askForAnswer(); update(); } });
hear("only-say", () => send("say"));
hear("set", (what) => act("set", what)); /* As extensions may: {character: "Name"}, {mode: "chat"}, … */
hear("draft", ({ text, sends }) => { setText(input.value.trim() ? `${input.value.trimEnd()} ${text}` : text); input.focus(); if (sends && !isBusy()) send("send"); });
watch("value", () => {
  takeUnsent();
  takeDraft(view().draft);
  update();
  if (view().modes) early.splice(0).forEach((action) => action());
});

part("attach").append(icon("attach"));
part("mic").append(icon("mic"));
const focus = () => { if (!isPhone() && isChatShown()) input.focus({ preventScroll: true }); };
hear("focus", () => { if (!isTypingElsewhere()) focus(); });
setTimeout(focus);
update();
fit();
