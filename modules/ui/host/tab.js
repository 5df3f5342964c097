/* The page while the program starts anew, and after its end. In the page's head. */
(() => {
  const PATIENCE_MS = 60000;
  const cover = (text) => {
    const sheet = document.getElementById("program-cover") || document.createElement("div");
    sheet.id = "program-cover";
    sheet.textContent = text;
    document.querySelector(".gradio-container").append(sheet);
  };
  const look = async (before) => {
    try {
      const answer = await fetch(`${window.gradio_config.root}/config`, { cache: "no-store" });
      return answer.status === 401 || (answer.ok && (await answer.json()).app_id !== before);
    } catch { return false; } /* not there yet */
  };
  window.hearthWaitForRestart = async () => {
    const before = window.gradio_config.app_id;
    cover("Restarting. This page comes back by itself.");
    const since = Date.now();
    do {
      await new Promise((done) => setTimeout(done, 700));
      if (Date.now() - since > PATIENCE_MS) cover("Hearth does not answer here yet. The terminal where it was started says why, or where it is now.");
    } while (!(await look(before)));
    location.reload();
  };
  window.hearthSayGoodbye = () => cover("Hearth has been shut down. You can close this page.");
})();
