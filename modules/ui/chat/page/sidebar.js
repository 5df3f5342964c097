/* The list of conversations. Value: {groups: [{label, chats: [...]}], current, query, is_private, can_keep, file}. */

const list = element.querySelector(".side-list");
const search = element.querySelector(".side-search input");
let renaming = null;

const act = (what, more = {}) => trigger("act", { do: what, ...more });
const close = () => document.querySelector("#chat").classList.remove("side-open");

const draw = () => {
  const view = props.value;
  if (!view || renaming) return;
  const scroll = list.scrollTop;
  list.replaceChildren(...view.groups.map(drawGroup));
  if (!view.groups.length) list.append(h("p", { class: "side-none" }, view.query ? "Nothing found." : "Your chats will be listed here."));
  list.scrollTop = scroll;
  const ghost = element.querySelector(".side-private");
  ghost.setAttribute("aria-checked", String(view.is_private));
  ghost.disabled = !view.can_keep;
  ghost.title = view.can_keep ? "Chats that begin while this is on are not kept" : "Nothing is kept here";
};

const drawGroup = (group) =>
  h("section", {}, h("h3", {}, group.label), ...group.chats.map(drawChat));

const drawChat = (chat) => {
  const more = iconButton("dots", "More", (event) => { event.stopPropagation(); openMenu(more, chat); }, { "aria-haspopup": "menu" });
  const isCurrent = chat.id === props.value.current;
  return h("div", { class: `side-chat ${isCurrent ? "current" : ""} ${chat.problem ? "broken" : ""}`, "data-id": chat.id, tabindex: "0",
      role: "button", "aria-current": isCurrent ? "true" : undefined, title: chat.problem || chat.title,
      onclick: () => { act("open", { id: chat.id }); close(); },
      ondblclick: () => rename(chat),
      onkeydown: (event) => { if (event.key === "Enter" && event.target === event.currentTarget) { act("open", { id: chat.id }); close(); } } },
    chat.character ? picture({ name: chat.character, picture: chat.picture }, "small") : null,
    h("span", { class: "side-title" }, chat.title, chat.snippet ? h("small", {}, chat.snippet) : null),
    more);
};

const openMenu = (anchor, chat) => {
  openPanel(anchor, [
    menuItem("edit", "Rename", () => rename(chat), { disabled: Boolean(chat.problem) }),
    menuItem("export", "Export", () => act("export", { id: chat.id }), { disabled: Boolean(chat.problem) }),
    menuItem("trash", "Delete", () => confirmDelete(chat), { danger: true }),
  ], { label: `Menu of ${chat.title}` });
};

const rename = (chat) => {
  const row = element.querySelector(`.side-chat[data-id="${chat.id}"]`);
  if (!row || chat.problem) return;
  const field = h("input", { class: "side-rename", "aria-label": "Title", maxlength: "120" });
  field.value = chat.title;
  renaming = chat.id;
  const end = (isKept) => {
    if (!renaming) return;
    renaming = null;
    if (isKept && field.value.trim() && field.value !== chat.title) act("rename", { id: chat.id, title: field.value });
    draw();
  };
  field.addEventListener("click", (event) => event.stopPropagation());
  field.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key === "Enter") end(true);
    if (event.key === "Escape") end(false);
  });
  field.addEventListener("blur", () => end(true));
  row.replaceChildren(field);
  field.select();
};

const confirmDelete = (chat) => {
  const row = element.querySelector(`.side-chat[data-id="${chat.id}"]`);
  if (!row) return;
  renaming = chat.id;
  const end = (isSure) => { renaming = null; if (isSure) act("delete", { id: chat.id }); draw(); };
  const yes = h("button", { type: "button", class: "danger", onclick: (event) => { event.stopPropagation(); end(true); } }, "Delete");
  const no = h("button", { type: "button", onclick: (event) => { event.stopPropagation(); end(false); } }, "Keep");
  row.replaceChildren(h("span", { class: "side-title" }, "Delete this chat?"), yes, no);
  row.addEventListener("keydown", (event) => { if (event.key === "Escape") end(false); });
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

let exported = 0;
watch("value", () => {
  const file = props.value?.file;
  if (file && file.n !== exported) { exported = file.n; download(file); }
  draw();
});
hear("new", () => act("new"));
hear("export", (id) => act("export", { id }));
draw();
