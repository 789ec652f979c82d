// The board to scale: where everything stands, whose column is shown, and the way between entries by arrow keys.

import { color } from "../calendar/drawing.js";

const MINUTE_S = 60;
const NARROW = window.matchMedia("(max-width: 44rem)");

export class Board {
  readonly start: number;
  readonly end: number;

  constructor(readonly place: HTMLElement, private readonly person: HTMLSelectElement | null) {
    this.start = Number(place.dataset["start"]);
    this.end = Number(place.dataset["end"]);
    place.style.setProperty("--minutes", String((this.end - this.start) / MINUTE_S));
    for (const part of place.querySelectorAll<HTMLElement>("[data-from]")) {
      this.put(part, Number(part.dataset["from"]), Number(part.dataset["until"] ?? part.dataset["from"]));
    }
    for (const entry of this.entries()) {
      color(entry, entry.dataset["color"]);
      entry.addEventListener("keydown", (event) => { this.pressed(event, entry); });
    }
    this.drawNow();
    this.choose();
    place.classList.add("drawn");
  }

  /** Put a part where its time stands; what reaches beyond the board is cut. */
  put(part: HTMLElement, from: number, until: number): void {
    const start = Math.max(from, this.start);
    part.style.setProperty("--at", String((start - this.start) / MINUTE_S));
    part.style.setProperty("--long", String(Math.max(0, Math.min(until, this.end) - start) / MINUTE_S));
  }

  columns(): HTMLElement[] {
    return [...this.place.querySelectorAll<HTMLElement>(".column")].filter((column) => column.offsetParent !== null);
  }

  entries(within: HTMLElement = this.place): HTMLElement[] {
    return [...within.querySelectorAll<HTMLElement>(".entry-event")];
  }

  /** Show one person, where one is chosen or there is no room for more; else everybody. */
  choose(): void {
    const all = [...this.place.querySelectorAll<HTMLElement>(".column")];
    const of = (id: string): HTMLElement | undefined => all.find((column) => column.dataset["user"] === id);
    const asked = of(new URL(window.location.href).searchParams.get("user_id") ?? "");
    const chosen = asked ?? of(this.place.dataset["own"] ?? "") ?? all[0];
    for (const column of all) column.classList.toggle("chosen", column === chosen);
    const isOne = asked !== undefined || NARROW.matches;
    if (this.person) this.person.value = isOne ? (chosen?.dataset["user"] ?? "") : "";
    this.place.classList.toggle("one", isOne);
    this.place.style.setProperty("--count", String(isOne ? 1 : Math.max(1, all.length)));
  }

  /** How many pixels a minute takes. */
  scale(): number {
    const lane = this.place.querySelector<HTMLElement>(".lane");
    return lane ? lane.offsetHeight / ((this.end - this.start) / MINUTE_S) : 1;
  }

  private drawNow(): void {
    const now = Number(this.place.dataset["now"]);
    if (now < this.start || now >= this.end) return;
    for (const lane of this.place.querySelectorAll<HTMLElement>(".lane")) {
      const line = document.createElement("span");
      line.className = "now-line";
      line.setAttribute("aria-hidden", "true");
      lane.append(line);
      this.put(line, now, now);
    }
  }

  private pressed(event: KeyboardEvent, entry: HTMLElement): void {
    const column = entry.closest<HTMLElement>(".column");
    if (!column || event.altKey || event.ctrlKey || event.metaKey) return;
    const mine = this.entries(column);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const side = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const next = step ? mine[mine.indexOf(entry) + step] : side ? this.beside(column, entry, side) : undefined;
    if (!step && !side) return;
    event.preventDefault();
    next?.focus();
  }

  /** The entry nearest in time in the next column that has any. */
  private beside(column: HTMLElement, entry: HTMLElement, side: number): HTMLElement | undefined {
    const columns = this.columns();
    const away = (other: HTMLElement): number => Math.abs(Number(other.dataset["start"]) - Number(entry.dataset["start"]));
    for (let at = columns.indexOf(column) + side; at >= 0 && at < columns.length; at += side) {
      const found = this.entries(columns[at]).sort((one, other) => away(one) - away(other))[0];
      if (found) return found;
    }
    return undefined;
  }
}

/** Ask again whose columns there is room for, when there is more or less of it. */
export function onRoomChange(run: () => void): void {
  NARROW.addEventListener("change", run);
}
