// The form page of a new appointment, in a dialog over the calendar. The server writes and checks the form.

import { part } from "./page.js";

/** Open the form; `onBooked` runs after the server has stored what was typed. */
export async function openEditor(url: string, onBooked: () => void, onFailure: () => void): Promise<void> {
  const dialog = part<HTMLDialogElement>("calendar-editor");
  const response = await fetch(url).catch(() => null);
  const form = response?.ok ? await formOf(response) : null;
  if (!form) {
    window.location.assign(url); // the page itself tells what is wrong
    return;
  }
  const take = (fresh: HTMLFormElement): void => {
    dialog.replaceChildren(fresh);
    fresh.addEventListener("submit", (event) => {
      event.preventDefault();
      void send(fresh, event.submitter).then((next) => {
        if (next === "stored") {
          dialog.close();
          onBooked();
        } else if (next) {
          take(next);
        } else {
          onFailure();
        }
      });
    });
    fresh.querySelector("[data-close]")?.addEventListener("click", (event) => {
      event.preventDefault();
      dialog.close();
    });
    fresh.querySelector<HTMLElement>("[aria-invalid], [role=alert] + * button, [name=title]")?.focus();
  };
  dialog.addEventListener("close", () => { dialog.replaceChildren(); }, { once: true });
  take(form);
  if (!dialog.open) dialog.showModal();
  dialog.querySelector<HTMLElement>("[name=title]")?.focus();
}

async function send(form: HTMLFormElement, submitter: HTMLElement | null): Promise<HTMLFormElement | "stored" | null> {
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form, submitter) });
    if (response.ok && response.redirected) return "stored";
    return await formOf(response);
  } catch {
    return null;
  }
}

async function formOf(response: Response): Promise<HTMLFormElement | null> {
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const form = page.querySelector<HTMLFormElement>("#appointment-form");
  if (!form) return null;
  form.classList.remove("sheet");
  const title = form.querySelector("h1"); // the page around the dialog has its own
  const heading = document.createElement("h2");
  heading.textContent = title?.textContent ?? "";
  title?.replaceWith(heading);
  return document.adoptNode(form);
}
