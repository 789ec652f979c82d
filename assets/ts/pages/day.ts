// The day by person: drawn to scale, dragged between people, opened by keyboard, always fresh.

import { openEditor } from "../calendar/editor.js";
import { say } from "../calendar/note.js";
import { inWords, language, type PageData, part, readData, type Slot } from "../calendar/page.js";
import { offerOthers } from "../calendar/refusal.js";
import { type Moved, readLatest, type Refused } from "../calendar/server.js";
import { Board, onRoomChange } from "../day/board.js";
import { type Drop, makeDraggable } from "../day/dragging.js";

const POLL_MS = 4000;

interface DayData extends PageData { obstacles: Record<string, string> }
interface DayRefused extends Refused { reasons?: { code: string }[] }
interface Handed { id: number; version: number; userId: number; start: number; end: number }

const data = readData() as DayData;
const person = document.getElementById("person") as HTMLSelectElement | null;
let board: Board;
let latest: number | undefined;
let isBusy = false;

function clock(instant: number): string {
  return new Intl.DateTimeFormat(language(), { timeZone: data.zone, hour: "2-digit", minute: "2-digit", hour12: false })
    .format(new Date(instant * 1000));
}

function iso(instant: number): string {
  return new Date(instant * 1000).toISOString();
}

function handed(entry: HTMLElement): Handed {
  const of = entry.dataset;
  const userId = Number(entry.closest<HTMLElement>(".column")?.dataset["user"]);
  return { id: Number(of["id"]), version: Number(of["version"]), userId, start: Number(of["start"]), end: Number(of["end"]) };
}

function nameOf(userId: number): string {
  return document.getElementById(`person-${userId}`)?.textContent?.trim() ?? "";
}

async function send(one: Handed, to: Drop): Promise<Response> {
  const times = to.start === one.start ? {} : { start_time: iso(to.start), end_time: iso(to.end) };
  const user = to.userId === one.userId ? {} : { user_id: to.userId };
  return await fetch(`/api/appointments/${one.id}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", "X-CSRFToken": data.csrf },
    body: JSON.stringify({ ...times, ...user, time_zone: data.zone, version: one.version }),
  });
}

async function readFree(one: Handed, to: Drop): Promise<Slot[]> {
  const query = new URLSearchParams({ start: iso(to.start), end: iso(to.end), user_id: String(to.userId) });
  const response = await fetch(`/calendar/free/${one.id}?${query}`, { headers: { Accept: "application/json" } });
  return ((await response.json()) as { suggested_slots?: Slot[] }).suggested_slots ?? [];
}

/** Give it to that person at that time; where they are not free, ask which other time. */
async function settle(one: Handed, to: Drop): Promise<void> {
  if (to.userId === one.userId && to.start === one.start) return;
  isBusy = true;
  try {
    const response = await send(one, to);
    const body: unknown = await response.json();
    if (response.ok) {
      const { version, start_time: start, warnings } = body as Moved;
      const now = { id: one.id, version, ...to };
      const hints = (warnings ?? []).map(({ code }) => data.reasons[code] ?? code);
      const where = to.userId === one.userId ? data.words.moved : `${data.words.with} ${nameOf(to.userId)}:`;
      say([`${where} ${inWords(start, data.zone)}.`, ...hints].join(" "), {
        label: data.words.undo,
        run: () => { void settle(now, one); },
      });
    } else {
      await refused(body as DayRefused, one, to);
    }
  } catch {
    say(data.words.failed);
  } finally {
    isBusy = false;
  }
  await refresh(one.id);
}

async function refused(why: DayRefused, one: Handed, to: Drop): Promise<void> {
  if (!why.suggested_slots) {
    const sentences = (why.reasons ?? []).map(({ code }) => data.obstacles[code] ?? code);
    say(why.code === "VERSION_CONFLICT" ? data.words.stale : sentences.join(" ") || why.detail);
    return;
  }
  const other = await offerOthers(data, { ...why, suggested_slots: await readFree(one, to) });
  if (!other) return;
  const [start, end] = [other.start, other.end].map((text) => Date.parse(text) / 1000);
  if (start && end) await settle(one, { userId: to.userId, start, end });
}

/** Read the page again and take its board over; the focus stays with its entry. */
async function refresh(focused?: number): Promise<void> {
  const seen = await readLatest(data).catch(() => latest);
  const response = await fetch(window.location.href).catch(() => null);
  if (!response?.ok) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = page.getElementById("day-board");
  if (!fresh) return;
  latest = seen;
  const old = part("day-board");
  const active = old.contains(document.activeElement) ? (document.activeElement as HTMLElement).dataset["id"] : undefined;
  const [top, left] = [old.scrollTop, old.scrollLeft];
  old.replaceWith(document.adoptNode(fresh));
  draw();
  fresh.scrollTo(left, top);
  fresh.querySelector<HTMLElement>(`[data-id="${focused ?? active ?? 0}"]`)?.focus({ preventScroll: true });
}

function draw(): void {
  const place = part("day-board");
  board = new Board(place, person);
  for (const entry of board.entries()) {
    if (!("movable" in entry.dataset)) continue;
    entry.setAttribute("role", "button");
    entry.setAttribute("aria-haspopup", "dialog");
    entry.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      open(entry as HTMLAnchorElement);
    });
    entry.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      open(entry as HTMLAnchorElement);
    });
  }
  makeDraggable(board, {
    clock,
    onStart: () => { isBusy = true; },
    onEnd: () => { isBusy = false; },
    onDrop: (entry, drop) => { void settle(handed(entry), drop); },
  });
}

function open(entry: HTMLAnchorElement): void {
  const id = Number(entry.dataset["id"]);
  const dialog = part<HTMLDialogElement>("calendar-editor");
  dialog.addEventListener("close", () => { board.place.querySelector<HTMLElement>(`[data-id="${id}"]`)?.focus(); }, { once: true });
  void openEditor(entry.href, (hints) => {
    say([data.words.saved, ...hints].join(" "));
    void refresh(id);
  }, () => { say(data.words.failed); });
}

async function poll(): Promise<void> {
  if (document.visibilityState !== "visible" || isBusy || document.querySelector("dialog[open]")) return;
  const seen = await readLatest(data);
  if (latest === undefined) latest = seen;
  else if (seen !== latest && !isBusy) await refresh();
}

person?.addEventListener("change", () => {
  const url = new URL(window.location.href);
  if (person.value) url.searchParams.set("user_id", person.value);
  else url.searchParams.delete("user_id");
  window.history.replaceState(null, "", url);
  void refresh();
});
document.body.classList.add("has-script");
draw();
onRoomChange(() => { board.choose(); });
poll().catch(() => undefined);
window.setInterval(() => { poll().catch(() => undefined); }, POLL_MS); // the next time may go well
document.addEventListener("visibilitychange", () => { poll().catch(() => undefined); });
