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
}
