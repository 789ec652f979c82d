// The form page of a new appointment, in a dialog over the calendar. The server writes and checks the form.

import { suggestCustomers } from "../customers/suggestions.js";
import { part } from "./page.js";

/** Open the form; `onBooked` runs after the server has stored what was typed, with what it says against the time. */
export async function openEditor(url: string, onBooked: (hints: string[]) => void, onFailure: () => void): Promise<void> {
  const dialog = part<HTMLDialogElement>("calendar-editor");
  const response = await fetch(url).catch(() => null);
  const form = response?.ok ? formOf(await pageOf(response)) : null;
  if (!form) {
    window.location.assign(url); // the page itself tells what is wrong
    return;
  }
  const take = (fresh: HTMLFormElement): void => {
    dialog.replaceChildren(fresh);
    suggestCustomers(fresh);
    fresh.addEventListener("submit", (event) => {
      event.preventDefault();
      void send(fresh, event.submitter).then((next) => {
        if (Array.isArray(next)) {
          dialog.close();
          onBooked(next);
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

/** Send the form: gives it back where it was refused, the server's hints where it was stored. */
async function send(form: HTMLFormElement, submitter: HTMLElement | null): Promise<HTMLFormElement | string[] | null> {
  try {
    const response = await fetch(form.action, { method: "POST", body: new FormData(form, submitter) });
    const page = await pageOf(response);
    if (!response.ok || !response.redirected) return formOf(page);
    return [...page.querySelectorAll(".messages .warn")].map((hint) => hint.textContent ?? "");
  } catch {
    return null;
  }
}

async function pageOf(response: Response): Promise<Document> {
  return new DOMParser().parseFromString(await response.text(), "text/html");
}

function formOf(page: Document): HTMLFormElement | null {
  const form = page.querySelector<HTMLFormElement>("#appointment-form");
  if (!form) return null;
  form.classList.remove("sheet");
  const title = form.querySelector("h1"); // the page around the dialog has its own
  const heading = document.createElement("h2");
  heading.textContent = title?.textContent ?? "";
  title?.replaceWith(heading);
  return document.adoptNode(form);
}
