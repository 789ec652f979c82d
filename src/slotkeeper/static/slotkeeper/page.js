// Small comforts; every page works without them.

// A button that copies a secret or an example; it is hidden where it could do nothing.
for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  if (!navigator.clipboard || !source) continue;
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.value ?? source.textContent);
    button.textContent = button.dataset.copied ?? "Copied";
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// A file that the server would refuse need not be sent first.
for (const input of document.querySelectorAll("input[data-most-bytes]")) {
  input.addEventListener("change", () => {
    const isTooLarge = input.files[0]?.size > Number(input.dataset.mostBytes);
    input.setCustomValidity(isTooLarge ? input.dataset.tooLarge : "");
    input.reportValidity();
  });
}

// What the passkey scripts report when the browser's own dialog was closed or failed.
document.addEventListener("allauth.error", (event) => {
  const note = document.getElementById("passkey-error");
  if (!note) return;
  event.preventDefault();
  note.hidden = false;
  note.focus();
});
