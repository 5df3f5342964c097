/* Light or dark, as the person wants it, else as the system says. In the page's head, so that it holds before anything is drawn.
   Gradio sets the class `dark` of the body by itself when it starts; what it sets is put right before it is painted. */
(() => {
  const KEY = "hearth-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  const read = () => {
    try { return new URLSearchParams(location.search).get("__theme") || localStorage.getItem(KEY); } catch { return null; }
  };
  let wanted = read();
  const isDark = () => (wanted === "dark" || wanted === "light" ? wanted === "dark" : system.matches);
  const apply = () => {
    if (document.body.classList.contains("dark") !== isDark()) document.body.classList.toggle("dark", isDark());
    document.documentElement.style.colorScheme = isDark() ? "dark" : "light";
    document.body.style.background = "var(--body-background-fill)";
  };
  const begin = () => {
    apply();
    new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  };
  if (document.body) begin(); else document.addEventListener("DOMContentLoaded", begin);
  system.addEventListener("change", apply);
  window.addEventListener("storage", (event) => { if (event.key === KEY) { wanted = read(); apply(); } });
  window.hearthToggleTheme = () => {
    const next = isDark() ? "light" : "dark";
    wanted = next === (system.matches ? "dark" : "light") ? null : next; /* back with the system when both say the same */
    try { if (wanted) localStorage.setItem(KEY, wanted); else localStorage.removeItem(KEY); } catch { /* private window */ }
    apply();
  };
})();
