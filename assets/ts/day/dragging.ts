// Dragging an entry to another time or another person's column, by mouse or pen. A finger scrolls; it taps for the form.

import type { Board } from "./board.js";

const STARTS_AT_PX = 5;
const SNAP_S = 15 * 60;

/** Where an entry was dropped: whose column, and from when to when, in seconds since 1970. */
export interface Drop { userId: number; start: number; end: number }

export interface Hooks {
  clock: (instant: number) => string;
  onStart: () => void;
  onEnd: () => void;
  onDrop: (entry: HTMLElement, drop: Drop) => void;
}

export function makeDraggable(board: Board, hooks: Hooks): void {
  for (const entry of board.entries()) {
    if (!("movable" in entry.dataset)) continue;
    entry.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType !== "touch") new Drag(board, entry, event, hooks);
    });
  }
}

class Drag {
  private readonly ghost = document.createElement("li");
  private readonly face = document.createElement("div");
  private readonly ends = new AbortController();
  private readonly grabbedAt: number; // pixels below the entry's start
  private drop: Drop | null = null;
  private isMoving = false;

  constructor(
    private readonly board: Board,
    private readonly entry: HTMLElement,
    private readonly down: PointerEvent,
    private readonly hooks: Hooks,
  ) {
    this.grabbedAt = down.clientY - entry.getBoundingClientRect().top;
    this.ghost.className = "ghost";
    this.ghost.append(this.face);
    const { signal } = this.ends;
    document.addEventListener("pointermove", (event) => { this.moved(event); }, { signal });
    document.addEventListener("pointerup", () => { this.released(); }, { signal });
    document.addEventListener("pointercancel", () => { this.finish(); }, { signal });
    document.addEventListener("keydown", (event) => { if (event.key === "Escape") this.finish(); }, { signal });
  }

  private moved(event: PointerEvent): void {
    const far = Math.hypot(event.clientX - this.down.clientX, event.clientY - this.down.clientY);
    if (!this.isMoving && far < STARTS_AT_PX) return;
    if (!this.isMoving) {
      this.isMoving = true;
      this.entry.classList.add("is-lifted");
      this.hooks.onStart();
    }
    event.preventDefault();
    this.drop = this.under(event);
    this.board.place.classList.toggle("is-refusing", this.drop === null);
  }

  /** Say where the entry would stand, and show it there; null where it cannot. */
  private under(event: PointerEvent): Drop | null {
    const column = this.board.columns().find((one) => {
      const box = one.getBoundingClientRect();
      return event.clientX >= box.left && event.clientX < box.right;
    });
    const lane = column?.querySelector<HTMLElement>(".lane");
    const isOwn = column?.contains(this.entry) ?? false;
    if (!column || !lane || !(isOwn || "takes" in column.dataset)) {
      this.ghost.remove();
      return null;
    }
    const length = Number(this.entry.dataset["end"]) - Number(this.entry.dataset["start"]);
    const minutes = (event.clientY - this.grabbedAt - lane.getBoundingClientRect().top) / this.board.scale();
    const snapped = this.board.start + Math.round((minutes * 60) / SNAP_S) * SNAP_S;
    const start = Math.max(this.board.start, Math.min(snapped, this.board.end - SNAP_S));
    this.face.textContent = `${this.hooks.clock(start)}–${this.hooks.clock(start + length)}`;
    lane.append(this.ghost);
    this.board.put(this.ghost, start, start + length);
    return { userId: Number(column.dataset["user"]), start, end: start + length };
  }

  private released(): void {
    const { drop, isMoving } = this;
    this.finish();
    if (!isMoving) return;
    // The click that follows would open the form.
    this.entry.addEventListener("click", (event) => { event.preventDefault(); event.stopImmediatePropagation(); }, { capture: true, once: true });
    window.setTimeout(() => { if (drop) this.hooks.onDrop(this.entry, drop); });
  }

  private finish(): void {
    this.ends.abort();
    this.ghost.remove();
    this.entry.classList.remove("is-lifted");
    this.board.place.classList.remove("is-refusing");
    if (this.isMoving) this.hooks.onEnd();
    this.isMoving = false;
  }
}
