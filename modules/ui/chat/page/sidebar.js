/* The list of conversations. Value: {groups: [{label, chats: [...]}], current, query, is_private, can_keep, file}. */

const list = element.querySelector(".side-list");
const search = element.querySelector(".side-search input");

const act = (what, more = {}) => trigger("act", { do: what, ...more });
const close = () => document.querySelector("#chat").classList.remove("side-open");

const draw = () => {
  const view = props.value;
  if (!view) return;
  const none = { key: "none", make: () => h("p", { class: "side-none" }), update: (part) => { part.textContent = view.query ? "Nothing found." : "Your chats will be listed here."; } };
  patchKeyed(list, view.groups.length ? view.groups.map(groupPart) : [none]);
  const ghost = element.querySelector(".side-private");
  ghost.setAttribute("aria-checked", String(view.is_private));
  ghost.disabled = !view.can_keep;
  ghost.title = view.can_keep ? "Chats that begin while this is on are not kept" : "Nothing is kept here";
};

const groupPart = (group) => ({
  key: `group-${group.label}`,
  make: () => h("section", {}, h("h3", {}, group.label), h("div")),
  update: (part) => patchKeyed(part.lastChild, group.chats.map(chatPart)),
});

const chatPart = (chat) => ({
  key: chat.id,
  make: () => {
    const row = h("div", { class: "side-chat", "data-id": chat.id, tabindex: "0", role: "button",
      onclick: () => { if (row.isAsking || row.isGoing) return; act("open", { id: chat.id }); close(); },
      ondblclick: () => rename(row),
      onkeydown: (event) => { if (["Enter", " "].includes(event.key) && event.target === row) { event.preventDefault(); row.click(); } } });
    return row;
  },
  update: (row) => { row.chat = chat; fill(row); },
});

/* A row that asks something keeps its answers until it is answered. Of a chat that goes it says so, at most as long as the server may take. */
const GOES_MS = 12000;
const fill = (row) => {
  const chat = row.chat;
  const isCurrent = chat.id === props.value.current;
  const print = JSON.stringify([chat, isCurrent, row.isGoing]);
  if (row.isAsking || row.print === print) return;
  row.print = print;
  row.className = `side-chat ${isCurrent ? "current" : ""} ${chat.problem ? "broken" : ""} ${row.isGoing ? "going" : ""}`;
  row.title = chat.problem || chat.title;
  row.setAttribute("aria-busy", String(Boolean(row.isGoing)));
  if (isCurrent) row.setAttribute("aria-current", "true");
  else row.removeAttribute("aria-current");
  const more = iconButton("dots", "More", (event) => { event.stopPropagation(); openMenu(more, row); }, { "aria-haspopup": "menu" });
  row.replaceChildren(...(chat.character ? [picture({ name: chat.character, picture: chat.picture }, "small")] : []),
    h("span", { class: "side-title" }, chat.title, chat.snippet ? h("small", {}, chat.snippet) : ""), more);
};

const openMenu = (anchor, row) => {
  const chat = row.chat;
  openPanel(anchor, [
    menuItem("edit", "Rename", () => rename(row), { disabled: Boolean(chat.problem) }),
    menuItem("export", "Export", () => act("export", { id: chat.id }), { disabled: Boolean(chat.problem) }),
    menuItem("trash", "Delete", () => confirmDelete(row), { danger: true }),
  ], { label: `Menu of ${chat.title}` });
};

/* `content` takes the place of the row, until the function that comes back is called; `onLeave`: the focus goes elsewhere in the page. */
const ask = (row, content, onLeave) => {
  row.isAsking = true;
  row.replaceChildren(...content);
  const leave = (event) => { if (!row.contains(event.relatedTarget) && document.hasFocus()) onLeave(); };
  row.addEventListener("focusout", leave);
  return () => {
    if (!row.isAsking) return false;
    row.isAsking = false;
    row.removeEventListener("focusout", leave);
    row.print = null;
    fill(row);
    return true;
  };
};

const rename = (row) => {
  const chat = row.chat;
  if (row.isAsking || chat.problem) return;
  const field = h("input", { class: "side-rename", "aria-label": "Title", maxlength: "120" });
  field.value = chat.title;
  const end = (isKept) => {
    const title = field.value;
    if (finish() && isKept && title.trim() && title !== chat.title) act("rename", { id: chat.id, title });
  };
  const finish = ask(row, [field], () => end(true));
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") end(false);
  });
  field.select();
};

const confirmDelete = (row) => {
  const chat = row.chat;
  if (row.isAsking) return;
  const go = (isGoing) => { row.isGoing = isGoing; fill(row); };
  const end = (isSure) => {
    if (!finish() || !isSure) return;
    go(true);
    setTimeout(() => go(false), GOES_MS);
    act("delete", { id: chat.id });
  };
  const answer = (name, isSure) => h("button", { type: "button", class: isSure ? "danger" : "", onclick: (event) => { event.stopPropagation(); end(isSure); },
    onkeydown: (event) => { if (event.key === "Escape") end(false); } }, name);
  const yes = answer("Delete", true);
  const finish = ask(row, [h("span", { class: "side-title" }, "Delete chat?"), yes, answer("Keep", false)], () => end(false));
  yes.focus();
};

const download = (file) => {
  const url = URL.createObjectURL(new Blob([file.text], { type: "application/json" }));
  const link = h("a", { href: url, download: file.name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
};

const pick = async (event) => {
  const files = [...event.target.files];
  event.target.value = "";
  const paths = [];
  for (const file of files) paths.push({ path: (await upload(file)).path, name: file.name });
  if (paths.length) act("import", { files: paths });
};

let searching;
search.addEventListener("input", () => {
  clearTimeout(searching);
  searching = setTimeout(() => act("search", { query: search.value }), 200);
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !search.value) return;
  event.stopPropagation();
  search.value = "";
  act("search", { query: "" });
});
element.querySelector(".side-new").addEventListener("click", () => { act("new"); close(); });
element.querySelector(".side-private").addEventListener("click", () => act("private", { on: !props.value.is_private }));
element.querySelector(".side-import").addEventListener("click", () => element.querySelector(".side-file").click());
element.querySelector(".side-export").addEventListener("click", () => act("export-all"));
element.querySelector(".side-file").addEventListener("change", pick);
element.querySelector(".side-close").addEventListener("click", () => tell("toggle-side"));

for (const [place, name] of [[".side-new", "plus"], [".side-private", "ghost"], [".side-import", "import"], [".side-export", "export"], [".side-close", "side"],
  [".side-search", "search"]])
  element.querySelector(place).prepend(icon(name, 17));

/* A page that is loaded again comes back to its chat, as far as that is kept. Each tab of the browser has one of its own. */
const PLACE = "hearth-chat";
let isBack = false;
const keepPlace = ({ groups, current, query }) => {
  const isThere = (id) => groups.some((group) => group.chats.some((chat) => chat.id === id && !chat.problem));
  const before = isBack ? null : sessionStorage.getItem(PLACE);
  isBack = true;
  if (before && before !== current && isThere(before)) act("open", { id: before });
  else if (isThere(current)) sessionStorage.setItem(PLACE, current);
  else if (!query) sessionStorage.removeItem(PLACE);
};

/* Whoever comes back to this page sees what another page of theirs has done meanwhile. At the end of a reply, or of what a row asks, it is seen
   anyway; and a page that cannot do anything says so once. */
let looking;
let isReplying = false;
const look = () => {
  const isAsking = [...list.querySelectorAll(".side-chat")].some((row) => row.isAsking);
  if (document.hidden || !props.value || isReplying || isAsking || document.querySelector(".toast-body.error")) return;
  act("look", { is_editing: Boolean(document.querySelector("#chat-messages .editor")) });
};
const lookSoon = () => { clearTimeout(looking); looking = setTimeout(look, 100); }; // of both events together once
addEventListener("focus", lookSoon);
document.addEventListener("visibilitychange", lookSoon);
hear("live", (value) => { isReplying = Boolean(value) && value.state !== "idle"; });

let exported = 0;
watch("value", () => {
  if (props.value) keepPlace(props.value);
  const file = props.value?.file;
  if (file && file.n !== exported) { exported = file.n; download(file); }
  draw();
});
hear("new", () => act("new"));
hear("export", (id) => act("export", { id }));
draw();
