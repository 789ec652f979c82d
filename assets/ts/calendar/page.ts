// What the server says about the calendar page, and the parts of the page that the script fills.

export interface OpenRange { user_id: number; day: number; start: string; end: string }

export interface PageData {
  zone: string;
  date: string;
  csrf: string;
  feed: string;
  latest: string;
  create: string;
  may_write: boolean;
  people: number[];
  hours: OpenRange[];
  reasons: Record<string, string>;
  words: Record<"moved" | "with" | "undo" | "undone" | "saved" | "failed" | "stale" | "busy" | "nothing" | "more" | "too_many", string>;
}

export interface Entry {
  id: number;
  title: string;
  start: string;
  end: string;
  status: string;
  status_name: string;
  customer: string | null;
  user_id: number;
  color: string | null;
  version: number;
  url: string;
  is_movable: boolean;
}

export interface Feed { entries: Entry[]; latest: number; has_more: boolean }

export interface Slot { start: string; end: string }

export function part<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

export function readData(): PageData {
  return JSON.parse(part("calendar-data").textContent ?? "") as PageData;
}

/** A wall clock time as the server reads it, without seconds' fractions and offset. */
export function bare(text: string): string {
  return text.slice(0, 19);
}

/** The wall clock of a zone now, as the calendar counts time: `2026-11-24T09:30:00`. */
export function clockOf(zone: string): string {
  return new Intl.DateTimeFormat("sv", { timeZone: zone, dateStyle: "short", timeStyle: "medium" })
    .format(new Date())
    .replace(" ", "T");
}

/** A moment in words, from a text with its offset: `Tue 24 Nov, 14:00`. */
export function inWords(text: string, zone: string): string {
  return new Intl.DateTimeFormat(language(), {
    timeZone: zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false,
  }).format(new Date(text));
}

/** The page's language; English is written the British way, with a clock of 24 hours. */
export function language(): string {
  const lang = document.documentElement.lang || "en";
  return lang === "en" ? "en-GB" : lang;
}
