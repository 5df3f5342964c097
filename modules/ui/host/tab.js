/* The page while the program starts anew, and after its end. In the page's head. */
(() => {
  const cover = (text) => {
    const sheet = document.createElement("div");
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
    do { await new Promise((done) => setTimeout(done, 700)); } while (!(await look(before)));
    location.reload();
  };
  window.hearthSayGoodbye = () => cover("Hearth has been shut down. You can close this page.");
})();
