// The editor of pictures stops the page for a minute where a photo has many pixels, and draws no more than these.
(() => {
  const MOST = 4194304;

  async function shrink(file) {
    const whole = await createImageBitmap(file);
    const share = Math.sqrt(MOST / (whole.width * whole.height));
    if (share >= 1) return file;
    const canvas = document.createElement("canvas");
    canvas.width = Math.floor(whole.width * share);
    canvas.height = Math.floor(whole.height * share);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(whole, 0, 0, canvas.width, canvas.height);
    whole.close();
    const type = file.type === "image/jpeg" ? file.type : "image/png";
    const blob = await new Promise((done) => canvas.toBlob(done, type, 0.95));
    return new File([blob], file.name, { type });
  }

  async function hand(input, file) {
    const small = await shrink(file).catch(() => null);
    if (!small) { // the editor would say nothing
      input.value = "";
      return document.dispatchEvent(new CustomEvent("images:refused", { detail: { name: file.name } }));
    }
    const files = new DataTransfer();
    files.items.add(small);
    input.files = files.files;
    input.dispatchEvent(Object.assign(new Event("change", { bubbles: true }), { isShrunk: true }));
  }

  function take(event, input, file) {
    event.stopImmediatePropagation();
    event.preventDefault();
    hand(input, file);
  }

  document.addEventListener("change", (event) => {
    const input = event.target;
    if (event.isShrunk || input.type !== "file" || !input.files[0] || !input.closest("#images-editor")) return;
    take(event, input, input.files[0]);
  }, true);

  document.addEventListener("drop", (event) => {
    const input = event.target.closest?.("#images-editor")?.querySelector("input[type=file]");
    const file = event.dataTransfer?.files[0];
    if (input && file) take(event, input, file);
  }, true);
})();
