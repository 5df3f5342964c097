/* Runs once when the page has been built. */
() => {
  // Gradio's text fields tell of changes when a key writes a letter: not when somebody pastes, deletes, or writes on a phone.
  let isTold = false;
  document.addEventListener("keydown", () => (isTold = false), true);
  document.addEventListener("keypress", () => (isTold = true), true);
  document.addEventListener("input", ({ target }) => {
    if (!isTold && target.dataset?.testid === "textbox") target.dispatchEvent(new KeyboardEvent("keypress"));
    isTold = false;
  });
  // Nor do its lists tell of what is chosen by arrow keys and Enter: it is clicked then, once they have followed the keys before.
  // Enter after typing is left to them: it may end a new name.
  let isStepped = false;
  const chosenIn = (list) => document.getElementById(list.getAttribute?.("aria-activedescendant"));
  document.addEventListener("keydown", (event) => {
    const { target, key } = event;
    const isChosen = key === "Enter" && isStepped && chosenIn(target);
    isStepped = ["ArrowDown", "ArrowUp", "Home", "End"].includes(key);
    if (!isChosen) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    setTimeout(() => chosenIn(target)?.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true })), 50);
  }, true);
}
