// A short word about what has just happened, with a way back where there is one.

import { part } from "./page.js";

const SHOWN_MS = 8000;
const READING_MS = 120; // a character
let timer: number | undefined;

export function say(text: string, undo?: { label: string; run: () => void }): void {
  const note = part("calendar-note");
  note.replaceChildren(text);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = undo.label;
    button.addEventListener("click", () => {
      note.hidden = true;
      undo.run();
    });
    note.append(" ", button);
  }
  note.hidden = false;
  window.clearTimeout(timer);
  timer = window.setTimeout(() => { note.hidden = true; }, Math.max(SHOWN_MS, text.length * READING_MS));
}
