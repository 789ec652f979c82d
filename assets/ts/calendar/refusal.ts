// The dialog that says why a time is not free and offers those that are.

import { inWords, part, type PageData, type Slot } from "./page.js";
import type { Refused } from "./server.js";

function piece(dialog: HTMLElement, name: string): HTMLElement {
  return dialog.querySelector<HTMLElement>(`[data-part=${name}]`) as HTMLElement;
}

/** Show a refusal; gives the time that was chosen instead, or null. */
export function offerOthers(data: PageData, refused: Refused): Promise<Slot | null> {
  const dialog = part<HTMLDialogElement>("calendar-refusal");
  const slots = refused.suggested_slots ?? [];
  piece(dialog, "detail").textContent = refused.conflicts?.length ? "" : refused.detail;
  piece(dialog, "detail").hidden = Boolean(refused.conflicts?.length);
  piece(dialog, "conflicts").replaceChildren(...(refused.conflicts ?? []).map((conflict) => {
    const line = document.createElement("li");
    const until = inWords(conflict.end, data.zone).split(" ").at(-1) ?? "";
    line.textContent = `${inWords(conflict.start, data.zone)}–${until}: ${conflict.title ?? conflict.name ?? data.words.busy}`;
    return line;
  }));
  piece(dialog, "free").hidden = slots.length === 0;
  return new Promise((resolve) => {
    let chosen: Slot | null = null;
    piece(dialog, "slots").replaceChildren(...slots.map((slot) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button quiet";
      button.textContent = inWords(slot.start, data.zone);
      button.addEventListener("click", () => {
        chosen = slot;
        dialog.close();
      });
      return button;
    }));
    dialog.addEventListener("close", () => { resolve(chosen); }, { once: true });
    dialog.showModal();
  });
}
