// Speaking to the server: the calendar's own feed, and the API under the browser's session.

import type { Feed, PageData, Slot } from "./page.js";

export interface Conflict { start: string; end: string; reason: string; title?: string; name?: string }

export interface Refused {
  detail: string;
  code: string;
  conflicts?: Conflict[];
  suggested_slots?: Slot[];
}

export interface Moved { version: number; start_time: string; warnings?: { code: string }[] }

export type Answer = ({ ok: true } & Moved) | { ok: false; refused: Refused };

export async function readFeed(data: PageData, start: string, end: string, person: string): Promise<Feed> {
  const query = new URLSearchParams({ start, end, ...(person ? { user_id: person } : {}) });
  return await readJson<Feed>(`${data.feed}?${query}`);
}

export async function readLatest(data: PageData): Promise<number> {
  return (await readJson<{ latest: number }>(data.latest)).latest;
}

/** Move an appointment; the version makes sure that nobody's change is overwritten. */
export async function move(data: PageData, id: number, version: number, to: Slot): Promise<Answer> {
  const response = await fetch(`/api/appointments/${id}`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", "X-CSRFToken": data.csrf },
    body: JSON.stringify({ start_time: to.start, end_time: to.end, time_zone: data.zone, version }),
  });
  const body: unknown = await response.json();
  return response.ok
    ? { ok: true, ...(body as Moved) }
    : { ok: false, refused: body as Refused };
}

/** Ask where an appointment fits next, with its own length and the pauses around it. */
export async function readFree(id: number, wish: Slot): Promise<Slot[]> {
  const query = new URLSearchParams({ start: wish.start, end: wish.end });
  return (await readJson<{ suggested_slots: Slot[] }>(`/calendar/free/${id}?${query}`)).suggested_slots;
}

async function readJson<T>(url: string): Promise<T> {
  const response = await fetch(url, { headers: { Accept: "application/json" } });
  if (!response.ok || response.redirected) throw new Error(`${url}: ${response.status}`);
  return (await response.json()) as T;
}
