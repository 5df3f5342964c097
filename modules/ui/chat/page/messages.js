/* What was said. Value: {chat, title, turns, empty, note, is_private}; live value: {n, at, turn, state, note} of the reply that is being made. */

const scroller = element.querySelector(".talk-scroll");
const column = element.querySelector(".talk-column");
const downButton = element.querySelector(".talk-down");
const rows = new Map();
let live = null;
let shownChat = null;
let isPinned = true;
let editing = null;

/* What moves or replaces messages drops an edit: it would be saved to another one. */
const act = (what, more = {}) => { if (["remove", "remove-last", "choose"].includes(what)) editing = null; trigger("act", { do: what, ...more }); };
const reply = (what, more = {}) => { isPinned = true; editing = null; trigger("reply", { do: what, ...more }); };
const isBusy = () => Boolean(live && live.state !== "idle");
const turnsNow = () => {
  const turns = [...(props.value?.turns || [])];
  if (live?.turn) turns.splice(live.at, turns.length, live.turn);
  return turns;
};

/* ---- Formulas, drawn by the KaTeX that comes with Gradio. */

let katex = null;
const loadKatex = () => {
  if (!props.katex?.script) return Promise.reject(new Error("no KaTeX"));
  const root = rootAddress();
  katex ??= (async () => {
    document.head.append(h("link", { rel: "stylesheet", href: `${root}${props.katex.style}` }));
    return (await import(`${root}${props.katex.script}`)).default;
  })();
  return katex;
};
const drawFormulas = async (part) => {
  const found = [...part.querySelectorAll(".formula:not([data-drawn])")];
  if (!found.length) return;
  const library = await loadKatex().catch(() => null);
  if (!library) return;
  for (const place of found) {
    place.dataset.drawn = "yes";
    place.title = place.textContent;
    library.render(place.textContent, place, { displayMode: place.dataset.kind === "display", throwOnError: false, maxExpand: 500, maxSize: 40, trust: false });
  }
};

/* ---- Parts of a message */

const patchBlocks = (parent, blocks) => {
  blocks.forEach((html, i) => {
    let child = parent.children[i];
    if (!child) parent.append((child = h("div", { class: "md-block" })));
    if (child.source === html) return;
    child.source = html;
    child.innerHTML = html;
    drawFormulas(child);
  });
  while (parent.children.length > blocks.length) parent.lastChild.remove();
};

const thinkPart = (think) => ({
  key: "think",
  make: () => h("details", { class: "think" }, h("summary", {}, icon("think", 15), h("span")), h("div", { class: "think-text" })),
  update: (part) => {
    part.querySelector("summary span").textContent = think.label;
    part.classList.toggle("pending", think.pending);
    const text = part.querySelector(".think-text");
    if (text.textContent !== think.text) text.textContent = think.text;
  },
});

const callPart = (call, index) => ({
  key: `call-${index}`,
  make: () => h("details", { class: "call" }, h("summary", {}, icon("tools", 15), h("code"), h("span", { class: "call-state" })),
    h("div", { class: "call-body" }, h("h4", {}, "Arguments"), h("pre", { class: "call-arguments" }), h("h4", { class: "call-result-head" }, "Result"),
      h("pre", { class: "call-result" })), ),
  update: (part) => {
    const words = { waiting: "waits for your answer", running: "runs", done: "done", failed: "failed", declined: "declined", open: "was not run" };
    part.dataset.state = call.state;
    if (part.state !== call.state) {
      if (call.state === "waiting") part.open = true;
      if (part.state === "waiting") part.open = false;
      part.state = call.state;
    }
    part.querySelector("summary code").textContent = call.name;
    part.querySelector(".call-state").textContent = words[call.state];
    part.querySelector(".call-arguments").textContent = call.arguments;
    part.querySelector(".call-result").textContent = call.result;
    part.querySelector(".call-result-head").hidden = part.querySelector(".call-result").hidden = !call.result;
  },
});

const askPart = (call, index) => ({
  key: `ask-${index}-${call.id}`,
  make: () => {
    const answer = (verdict) => () => { part.remove(); act("answer", { call: call.id, verdict }); };
    const part = h("div", { class: "ask", role: "group", "aria-label": `Allow ${call.name}?` },
      h("span", {}, "The model wants to call ", h("b", {}, call.name), ". Allow it?"),
      h("button", { type: "button", class: "ask-allow", onclick: answer("allow") }, "Allow"),
      h("button", { type: "button", class: "ask-always", onclick: answer("always"), title: "Allow every call of this tool in this chat" }, "Always in this chat"),
      h("button", { type: "button", class: "ask-deny", onclick: answer("deny") }, "Deny"));
    return part;
  },
  update: () => {},
});

const textPart = (blocks, key) => ({
  key,
  make: () => h("div", { class: "rendered" }),
  update: (part) => patchBlocks(part, blocks),
});

const stepParts = (step, at) => {
  const parts = [];
  if (step.think) parts.push({ ...thinkPart(step.think), key: `think-${at}` });
  if (step.html.length) parts.push(textPart(step.html, `text-${at}`));
  step.calls.forEach((call, i) => {
    parts.push(callPart(call, `${at}-${i}`));
    if (call.state === "waiting") parts.push(askPart(call, `${at}-${i}`));
  });
  return parts;
};

const filePart = (file) => {
  if (file.kind === "image" && file.url)
    return h("a", { class: "file-picture", href: served(file.url), target: "_blank", rel: "noopener", title: file.name }, h("img", { src: served(file.url), alt: file.name, loading: "lazy" }));
  return h("span", { class: "file", title: file.notice || file.name }, icon(file.kind === "audio" ? "mic" : "attach", 15), h("span", {}, file.name),
    file.notice ? h("small", {}, file.notice) : null);
};

/* ---- A message */

const makeRow = () => h("article", { class: "message", tabindex: "-1" },
  h("div", { class: "message-face" }), h("div", { class: "message-main" }, h("div", { class: "message-name" }), h("div", { class: "message-files" }),
    h("div", { class: "message-body" }), h("div", { class: "message-note" }), h("div", { class: "message-foot" })));

const updateRow = (row, turn, i, isLast) => {
  const isLive = live?.turn === turn;
  const print = [i, isLast, isLive && live.state, isLive && live.note, isBusy(), editing === i].join();
  if (row.turn === turn && row.print === print) return;
  row.turn = turn;
  row.print = print;
  row.dataset.index = i;
  row.dataset.role = turn.role;
  row.classList.toggle("writing", isLive && isBusy());
  row.classList.toggle("last", isLast);
  const face = row.querySelector(".message-face");
  const facePrint = `${turn.name}|${turn.picture}`;
  if (face.print !== facePrint) {
    face.print = facePrint;
    face.replaceChildren(...(turn.name ? [picture(turn)] : []));
    row.querySelector(".message-name").textContent = turn.name;
  }
  const files = row.querySelector(".message-files");
  const filePrint = JSON.stringify(turn.files);
  if (files.print !== filePrint) { files.print = filePrint; files.replaceChildren(...turn.files.map(filePart)); }
  if (editing === i) {
    if (row.isEditing) return; // what has been typed stays, whatever changes around it
    row.isEditing = true;
    return drawEditor(row, turn, i, isLast);
  }
  row.isEditing = false;
  const body = row.querySelector(".message-body");
  const parts = turn.steps.flatMap(stepParts);
  if (isLive && live.state === "waiting") parts.push({ key: "dots", make: () => h("div", { class: "dots", "aria-label": "The reply is being made" }, h("i"), h("i"), h("i")), update: () => {} });
  patchKeyed(body, parts);
  row.querySelector(".message-note").textContent = (isLive ? live.note : turn.note) || "";
  drawFoot(row.querySelector(".message-foot"), turn, i, isLast, isLive);
};

const drawFoot = (foot, turn, i, isLast, isLive) => {
  if (isLive && isBusy()) return foot.replaceChildren();
  const isReply = turn.role === "assistant";
  const buttons = [];
  if (turn.total > 1) {
    const go = (by) => act("choose", { at: i, number: turn.chosen + by });
    buttons.push(h("span", { class: "versions" },
      iconButton("left", "Earlier version", () => go(-1), { disabled: isBusy() || !isLast || turn.chosen === 0 }),
      h("span", { class: "versions-count" }, `${turn.chosen + 1}/${turn.total}`),
      iconButton("right", "Later version", () => go(1), { disabled: isBusy() || !isLast || turn.chosen === turn.total - 1 })));
  }
  const copied = iconButton("copy", "Copy", async () => {
    await copyText(turn.copy);
    copied.replaceChildren(icon("check"));
    setTimeout(() => copied.replaceChildren(icon("copy")), 1200);
  });
  buttons.push(copied);
  buttons.push(iconButton("edit", "Edit", () => startEditing(i), { disabled: isBusy() }));
  if (isReply) buttons.push(iconButton("retry", "Regenerate", () => reply("regenerate", { at: i }), { disabled: isBusy() }));
  if (isReply && isLast) buttons.push(iconButton("forward", "Continue", () => reply("continue"), { disabled: isBusy() }));
  buttons.push(iconButton("branch", "Branch: a new chat from here", (event) => { event.currentTarget.disabled = true; act("branch", { at: i }); }, { disabled: isBusy() }));
  buttons.push(iconButton("trash", "Delete this message", (event) => { event.currentTarget.disabled = true; act("remove", { at: i }); }, { disabled: isBusy() }));
  foot.replaceChildren(...buttons, turn.meta ? h("span", { class: "message-meta" }, turn.meta) : "");
};

/* ---- Editing in place */

const startEditing = (i) => { editing = i; isPinned = false; draw(); };
const stopEditing = () => { editing = null; draw(); };

const drawEditor = (row, turn, i) => {
  const body = row.querySelector(".message-body");
  const area = h("textarea", { class: "editor", "aria-label": "Edit the message", rows: "3" });
  area.value = turn.text;
  const fit = () => { area.style.height = "auto"; area.style.height = `${Math.min(area.scrollHeight + 2, innerHeight * 0.6)}px`; };
  const isPossible = () => turn.role === "user" || row.classList.contains("last");
  const save = () => { if (isBusy()) return; editing = null; act("edit", { at: i, text: area.value }); draw(); };
  const again = () => {
    if (isBusy()) return;
    if (!isPossible()) { save(); return; }
    reply(turn.role === "user" ? "edit" : "edit-continue", { at: i, text: area.value });
    draw();
  };
  area.addEventListener("input", fit);
  area.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Escape") stopEditing();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) turn.role === "user" ? again() : save();
  });
  const wording = turn.role === "user" ? "Save and regenerate" : "Save and continue";
  body.replaceChildren(area, h("div", { class: "editor-buttons" },
    isPossible() ? h("button", { type: "button", class: "main", onclick: again }, wording) : null,
    h("button", { type: "button", class: isPossible() ? "" : "main", onclick: save }, "Save"), h("button", { type: "button", onclick: stopEditing }, "Cancel")));
  row.querySelector(".message-foot").replaceChildren();
  fit();
  area.focus();
};

/* ---- The whole */

const drawEmpty = (empty) => {
  const examples = empty.examples.map((text) => h("button", { type: "button", class: "example", onclick: () => tell("ask", text) }, text));
  return h("div", { class: "start" },
    empty.who ? picture(empty.who, "large") : h("div", { class: "start-mark" }, "" ),
    h("h2", {}, empty.headline), h("p", {}, empty.sentence),
    empty.needs_model ? h("button", { type: "button", class: "main", id: "chat-to-models", onclick: () => trigger("models") }, "Choose a model") : null,
    examples.length ? h("div", { class: "examples" }, ...examples) : null);
};

const draw = () => {
  const view = props.value;
  if (!view) return;
  if (view.chat !== shownChat) { shownChat = view.chat; rows.clear(); column.replaceChildren(); isPinned = true; editing = null; tell("focus"); }
  element.querySelector(".talk-title").textContent = view.title;
  element.querySelector(".talk").classList.toggle("private", view.is_private);
  const turns = turnsNow();
  const wanted = turns.map((turn, i) => ({ key: `turn-${i}`, make: makeRow, update: (row) => updateRow(row, turn, i, i === turns.length - 1) }));
  if (view.empty && !turns.some((turn) => turn.role === "user"))
    wanted.push({ key: `empty-${JSON.stringify(view.empty)}`, make: () => drawEmpty(view.empty), update: () => {} });
  const note = view.note || (isBusy() ? "" : live?.fault) || "";
  if (note) wanted.push({ key: `note-${note}`, make: () => h("div", { class: "talk-note", role: "alert" }, note, iconButton("close", "Dismiss", () => act("dismiss"))), update: () => {} });
  patchKeyed(column, wanted);
  element.classList.toggle("busy", isBusy());
  stick();
};

const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60;
let placed = 0; // where it was scrolled to last
const stick = () => {
  if (isPinned) scroller.scrollTop = scroller.scrollHeight;
  placed = scroller.scrollTop;
  downButton.classList.toggle("shown", !isPinned && !atEnd());
};
/* The reader decides: scrolling up lets go of the end, coming back to it holds on again. */
scroller.addEventListener("scroll", () => {
  if (atEnd()) isPinned = true;
  else if (scroller.scrollTop < placed) isPinned = false; // also by the bar at its side
  placed = scroller.scrollTop;
  downButton.classList.toggle("shown", !isPinned && !atEnd());
}, { passive: true });
scroller.addEventListener("wheel", (event) => { if (event.deltaY < 0) isPinned = false; }, { passive: true });
scroller.addEventListener("touchmove", () => { isPinned = atEnd(); }, { passive: true });
scroller.addEventListener("keydown", (event) => { if (["PageUp", "ArrowUp", "Home"].includes(event.key)) isPinned = false; });
downButton.addEventListener("click", () => { isPinned = true; scroller.scrollTo({ top: scroller.scrollHeight, behavior: "smooth" }); });
new ResizeObserver(stick).observe(column);
new ResizeObserver(stick).observe(scroller);

column.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-do=copy-code]");
  if (!button) return;
  await copyText(button.closest(".code").querySelector("pre").textContent);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1200);
});

/* ---- What the more-menu and the keys do */

const last = () => turnsNow().length - 1;
const lastReply = () => { const turns = turnsNow(); for (let i = turns.length - 1; i >= 0; i--) if (turns[i].role === "assistant") return turns[i]; return null; };
const hasReply = () => turnsNow()[last()]?.role === "assistant";
const deeds = {
  regenerate: () => { if (!isBusy() && turnsNow().some((turn) => turn.role === "user")) reply("regenerate", { at: last() }); },
  continue: () => { if (!isBusy() && hasReply()) reply("continue"); },
  impersonate: () => { if (!isBusy()) tell("impersonate"); },
  "remove-last": () => { if (!isBusy() && last() >= 0) act("remove-last"); },
  "copy-last": () => { const turn = lastReply(); if (turn) copyText(turn.copy); },
  branch: () => { if (!isBusy() && last() >= 0) act("branch", { at: last() }); },
  swipe: (by) => {
    const turn = turnsNow()[last()];
    if (!turn || isBusy() || turn.total < 2) return;
    const number = turn.chosen + by;
    if (number >= 0 && number < turn.total) act("choose", { at: last(), number });
  },
};
hear("deed", (what) => deeds[what]?.());

const openMore = (event) => {
  const anchor = event.currentTarget;
  const isEmpty = last() < 0 || isBusy();
  openPanel(anchor, [
    menuItem("retry", "Regenerate", deeds.regenerate, { disabled: isEmpty, keys: "Ctrl Enter" }),
    menuItem("forward", "Continue the reply", deeds.continue, { disabled: isBusy() || !hasReply(), keys: "Alt Enter" }),
    menuItem("user", "Impersonate", deeds.impersonate, { disabled: isBusy(), keys: "Ctrl Shift M" }),
    menuItem("branch", "Branch from here", deeds.branch, { disabled: isEmpty }),
    menuItem("copy", "Copy the last reply", deeds["copy-last"], { disabled: !lastReply(), keys: "Ctrl Shift K" }),
    menuItem("trash", "Delete the last exchange", deeds["remove-last"], { disabled: isEmpty, keys: "Ctrl Shift ⌫" }),
    menuItem("edit", "Send without a reply", () => tell("only-say"), { disabled: isBusy() }),
    menuItem("export", "Export this chat", () => tell("export", props.value.chat), { disabled: last() < 0 }),
    menuItem("keyboard", "Keyboard", () => openKeyboard(anchor)),
  ], { label: "More" });
};

const KEYS = [["Enter", "Send"], ["Shift Enter", "New line"], ["Esc", "Stop"], ["Ctrl Enter", "Regenerate"], ["Alt Enter", "Continue the reply"],
  ["Ctrl Shift M", "Impersonate"], ["Ctrl Shift K", "Copy the last reply"], ["Ctrl Shift ⌫", "Delete the last exchange"],
  ["← →", "Versions of the last reply, while nothing is typed"], ["Ctrl Shift O", "New chat"], ["Ctrl Shift S", "Show or hide the list of chats"],
  ["↑", "Edit your last message, while nothing is typed"], ["A / D", "Allow or deny a call of a tool"]];
const openKeyboard = (anchor) => setTimeout(() => openPanel(anchor, [
  h("h3", {}, "Keyboard"), h("dl", { class: "keys" }, ...KEYS.flatMap(([keys, what]) => [h("dt", {}, ...keys.split(" ").map((key) => h("kbd", {}, key))), h("dd", {}, what)])),
], { label: "Keyboard" }));

const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]");
const answerCall = (verdict) => {
  const button = column.querySelector(verdict === "allow" ? ".ask-allow" : ".ask-deny");
  button?.click();
  return Boolean(button);
};
document.addEventListener("keydown", (event) => {
  if (!isChatShown() || event.defaultPrevented) return;
  const isFree = !isTyping(event.target) || (event.target.id === "chat-input" && !event.target.value);
  const combined = `${event.ctrlKey || event.metaKey ? "ctrl " : ""}${event.altKey ? "alt " : ""}${event.shiftKey ? "shift " : ""}${event.key.toLowerCase()}`;
  const keyed = {
    escape: () => { if (isBusy()) act("stop"); },
    "ctrl enter": deeds.regenerate, "alt enter": deeds.continue, "ctrl shift m": deeds.impersonate, "ctrl shift k": deeds["copy-last"],
    "ctrl shift backspace": deeds["remove-last"], "ctrl shift o": () => tell("new"), "ctrl shift s": () => tell("toggle-side"),
  }[combined];
  if (keyed) {
    event.preventDefault();
    if (!event.repeat) keyed(); // a key that is held down deletes one exchange, not all
    return;
  }
  if (!isFree || event.target.closest?.("button, summary, [role=tab]")) return;
  if (combined === "arrowleft") deeds.swipe(-1);
  else if (combined === "arrowright") deeds.swipe(1);
  else if (combined === "a" && answerCall("allow")) event.preventDefault();
  else if (combined === "d" && answerCall("deny")) event.preventDefault();
  else if (combined === "arrowup" && event.target.id === "chat-input" && !isBusy()) {
    const turns = turnsNow();
    for (let i = turns.length - 1; i >= 0; i--) if (turns[i].role === "user") { event.preventDefault(); startEditing(i); break; }
  }
});

/* ---- The list beside it */

const chat = () => document.querySelector("#chat");
const toggleSide = () => {
  if (isPhone()) { chat().classList.toggle("side-open"); return; }
  const isClosed = chat().classList.toggle("side-closed");
  localStorage.setItem("hearth-side", isClosed ? "closed" : "open");
};
hear("toggle-side", toggleSide);
setTimeout(() => {
  if (localStorage.getItem("hearth-side") === "closed") chat()?.classList.add("side-closed");
  chat()?.addEventListener("click", (event) => { if (event.target === chat() || event.target.closest("#chat-main")) chat().classList.remove("side-open"); });
});
for (const [place, name, action] of [[".talk-side", "side", toggleSide], [".talk-new", "plus", () => tell("new")], [".talk-more", "dots", openMore], [".talk-down", "down", null]]) {
  const button = element.querySelector(place);
  button.append(icon(name));
  if (action) button.addEventListener("click", (event) => { event.stopPropagation(); action(event); });
}

/* The height that is left of the window below the header and the tabs. */
const fit = () => {
  const place = chat();
  if (!place?.offsetParent) return;
  const below = parseFloat(getComputedStyle(place.closest(".main") || document.body).paddingBottom) || 0;
  place.style.setProperty("--chat-around", `${Math.max(0, place.getBoundingClientRect().top + scrollY) + below}px`);
};
addEventListener("resize", fit);
new ResizeObserver(fit).observe(document.body);

/* A page that cannot keep up draws less often, rather than later and later. */
let isDrawing = false;
hear("live", (value) => {
  live = value;
  if (isDrawing) return;
  isDrawing = true;
  requestAnimationFrame(() => { isDrawing = false; draw(); });
});
watch("value", draw);
draw();
fit();
