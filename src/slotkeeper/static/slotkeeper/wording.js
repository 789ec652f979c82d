// The preview follows what is typed; without this, its button does it.
(() => {
  const form = document.querySelector("form[data-preview]");
  const button = form?.querySelector("button[formtarget]");
  if (!button) return;
  let wait = 0;
  let count = 0;

  const refresh = () => {
    // A frame of its own for each preview: it leaves nothing in the history, and the last one stays until it is there.
    const last = document.querySelector("iframe.preview:not([hidden])");
    for (const late of document.querySelectorAll("iframe.preview[hidden]")) late.remove();
    const next = last.cloneNode();
    next.removeAttribute("src");
    next.hidden = true;
    next.name = `preview-${count += 1}`;
    last.after(next);
    next.addEventListener("load", () => {
      next.hidden = false;
      last.remove();
    });
    button.formTarget = next.name;
    form.requestSubmit(button);
  };

  form.addEventListener("input", () => {
    clearTimeout(wait);
    wait = setTimeout(refresh, 500);
  });
  // What was typed before this ran, or is kept by the browser from before a reload, nobody has announced.
  const fields = [...form.querySelectorAll("input, textarea")];
  if (fields.some((field) => field.value !== field.defaultValue)) refresh();
})();
