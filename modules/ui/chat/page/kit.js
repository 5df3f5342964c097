/* What the three scripts of the chat share: making elements, icons, messages between them. It stands in front of each. */

const h = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat().filter((each) => each !== null && each !== undefined && each !== false));
  return made;
};

const PATHS = {
  attach: "M21 11.5 12.4 20a5.6 5.6 0 0 1-8-8L13 3.600a3.700 3.700 0 0 1 5.300 5.300L9.900 17.300a1.900 1.900 0 0 1-2.700-2.700L15 6.900",
  branch: "M6 3v12M6 21a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM18 9a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM18 9a9 9 0 0 1-9 9",
  check: "m5 12 5 5L20 7",
  close: "M6 6l12 12M18 6 6 18",
  copy: "M9 9h11v12H9zM5 15H4V3h11v1",
  down: "M12 5v14m-6-6 6 6 6-6",
  dots: "M5 12h.01M12 12h.01M19 12h.01",
  edit: "M4 20h4L19 9l-4-4L4 16v4ZM13.500 6.500l4 4",
  export: "M12 15V3m-5 5 5-5 5 5M4 15v5h16v-5",
  forward: "M5 5l7 7-7 7M13 5l7 7-7 7",
  ghost: "M5 21V11a7 7 0 0 1 14 0v10l-3.500-2-3.500 2-3.500-2zM9.500 11h.01M14.500 11h.01",
  import: "M12 3v12m-5-5 5 5 5-5M4 15v5h16v-5",
  keyboard: "M3 6h18v12H3zM7 10h.01M11 10h.01M15 10h.01M8 14h8",
  left: "m14 6-6 6 6 6",
  mic: "M12 3a3 3 0 0 0-3 3v6a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3ZM5 11a7 7 0 0 0 14 0M12 18v3",
  plus: "M12 5v14M5 12h14",
  retry: "M4 12a8 8 0 0 1 14-5.300L20 9M20 4v5h-5M20 12a8 8 0 0 1-14 5.300L4 15M4 20v-5h5",
  right: "m10 6 6 6-6 6",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4",
  send: "M12 19V5m-6 6 6-6 6 6",
  side: "M4 5h16v14H4zM9.500 5v14",
  stop: "M7 7h10v10H7z",
  think: "M9 18h6M10 21h4M12 3a6 6 0 0 0-3.500 10.900c.5.4.5 1.100.5 2.100h6c0-1 0-1.700.5-2.100A6 6 0 0 0 12 3Z",
  tools: "M14.500 6.500a4 4 0 0 0-5 5L4 17l3 3 5.500-5.500a4 4 0 0 0 5-5L15 12l-3-3z",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14",
  user: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 21c0-4 3.600-6 8-6s8 2 8 6",
};

const icon = (name, size = 18) => {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  const path = document.createElementNS(space, "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", width: size, height: size, fill: "none", stroke: "currentColor",
    "stroke-width": name === "dots" ? 2.5 : 1.7, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" }))
    drawing.setAttribute(key, value);
  path.setAttribute("d", PATHS[name]);
  drawing.append(path);
  return drawing;
};

const iconButton = (name, label, action, more = {}) =>
  h("button", { type: "button", class: "icon-button", title: label, "aria-label": label, onclick: action, ...more }, icon(name));

/* Children of `parent` by their keys, in order; `update` changes one that is there or has just been made. */
const patchKeyed = (parent, wanted) => {
  wanted.forEach(({ key, make, update }, i) => {
    let child = parent.children[i];
    if (!child || child.key !== key) {
      const known = [...parent.children].find((each) => each.key === key);
      const made = known || make();
      made.key = key;
      parent.insertBefore(made, child || null);
      child = made;
    }
    update(child);
  });
  while (parent.children.length > wanted.length) parent.lastChild.remove();
};

/* Between the scripts: `tell("stop")`; `hear("stop", action)`. */
const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`chat:${name}`, { detail }));
const hear = (name, action) => document.addEventListener(`chat:${name}`, (event) => action(event.detail));

/* Addresses of the server's files are told without its own address, which depends on how the page is reached. */
const rootAddress = () => (window.gradio_config?.root || "").replace(/\/$/, "");
const served = (address) => (address.startsWith("gradio_api/") ? `${rootAddress()}/${address}` : address);

const picture = (who, size = "") =>
  who.picture
    ? h("img", { class: `face ${size}`, src: served(who.picture), alt: "" })
    : h("span", { class: `face letter ${size}`, "aria-hidden": "true" }, (who.name || "?").trim().slice(0, 1).toUpperCase());

/* A panel that floats beside `anchor` until something else is clicked. A second call for the same anchor closes it. Arrows and Tab go through
   what is in it; the focus comes back to the anchor. */
const openPanel = (anchor, content, { above = false, label = "" } = {}) => {
  const open = document.querySelector(".chat-panel");
  if (open) open.closePanel();
  if (open && open.anchor === anchor) return null;
  const panel = h("div", { class: "chat-panel", role: "dialog", "aria-label": label }, content);
  const place = () => {
    const box = anchor.getBoundingClientRect();
    const width = panel.offsetWidth, height = panel.offsetHeight;
    panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
    const top = above ? box.top - height - 6 : box.bottom + 6;
    panel.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
  };
  const outside = (event) => {
    if (!panel.contains(event.target) && !anchor.contains(event.target)) panel.closePanel();
  };
  const go = (by) => {
    const stops = [...panel.querySelectorAll("button:not(:disabled), textarea")];
    const at = stops.indexOf(document.activeElement);
    stops.at(at < 0 && by > 0 ? 0 : (Math.max(at, 0) + by) % stops.length)?.focus();
  };
  const keys = (event) => {
    const now = document.activeElement;
    const by = { ArrowDown: 1, ArrowUp: -1, Tab: event.shiftKey ? -1 : 1 }[event.key];
    if (event.key === "Escape") {
      panel.closePanel();
      anchor.focus();
    } else if (by && (panel.contains(now) || now === anchor || now === document.body) && !(event.key !== "Tab" && now.matches("textarea"))) {
      event.preventDefault();
      go(by);
    } else return;
    event.stopPropagation();
  };
  panel.anchor = anchor;
  panel.place = place;
  panel.closePanel = () => {
    const hadFocus = panel.contains(document.activeElement);
    panel.remove();
    if (hadFocus) anchor.focus({ preventScroll: true });
    anchor.setAttribute("aria-expanded", "false");
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", keys, true);
  };
  document.body.append(panel);
  anchor.setAttribute("aria-expanded", "true");
  place();
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", keys, true);
  return panel;
};

const menuItem = (name, label, action, more = {}) =>
  h("button", { type: "button", class: `menu-item ${more.danger ? "danger" : ""}`, disabled: Boolean(more.disabled), role: "menuitem",
    onclick: () => { document.querySelector(".chat-panel")?.closePanel(); action(); } },
    icon(name, 16), h("span", {}, label), more.keys ? h("kbd", {}, more.keys) : null);

const copyText = async (text) => {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const area = h("textarea", { class: "copy-area" });
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
};

const isPhone = () => matchMedia("(max-width: 800px)").matches;
const isChatShown = () => Boolean(document.querySelector("#chat")?.offsetParent);
