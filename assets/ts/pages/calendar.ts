// The calendar over the week's list: drag to move, pull to resize, click to book, always fresh.

import { Calendar, type EventInput, type EventSourceFuncArg } from "@fullcalendar/core";
import de from "@fullcalendar/core/locales/de";
import enGb from "@fullcalendar/core/locales/en-gb";
import dayGrid from "@fullcalendar/daygrid";
import interaction from "@fullcalendar/interaction";
import list from "@fullcalendar/list";
import timeGrid from "@fullcalendar/timegrid";
import { color, type ColorBy, draw, eventOf } from "../calendar/drawing.js";
import { openEditor } from "../calendar/editor.js";
import { say } from "../calendar/note.js";
import { bare, clockOf, type Entry, inWords, language, part, readData, type Slot } from "../calendar/page.js";
import { offerOthers } from "../calendar/refusal.js";
import { move, readFeed, readFree, readLatest } from "../calendar/server.js";

const POLL_MS = 4000;
const CLICK_MINUTES = 30;
const NARROW = window.matchMedia("(max-width: 44rem)");
const VIEW_KEY = "slotkeeper.calendar.view";
const COLOR_KEY = "slotkeeper.calendar.color";
const VIEWS = ["timeGridDay", "timeGridWeek", "dayGridMonth", "listWeek"];

const data = readData();
const person = document.getElementById("person") as HTMLSelectElement | null;
const colors = document.getElementById("colors") as HTMLSelectElement | null;
let latest = 0;
let isBusy = false;

async function entries(asked: EventSourceFuncArg): Promise<EventInput[]> {
  const feed = await readFeed(data, bare(asked.startStr), bare(asked.endStr), person?.value ?? "");
  latest = feed.latest;
  if (feed.has_more) say(data.words.too_many);
  if (feed.entries.length) document.getElementById("first-steps")?.remove(); // the first one is booked
  return feed.entries.map((entry) => eventOf(entry, data, (colors?.value ?? "service") as ColorBy));
}

function openHours(): { daysOfWeek: number[]; startTime: string; endTime: string }[] | false {
  const shown = data.hours.filter((range) => !person?.value || range.user_id === Number(person.value));
  const found = shown.map((range) => ({ daysOfWeek: [range.day], startTime: range.start, endTime: range.end }));
  return found.length ? found : false;
}

/** Move on the server; where the time is taken, ask which other one, and put it back where none is chosen. */
async function settle(entry: Entry, to: Slot, revert: () => void): Promise<void> {
  isBusy = true;
  try {
    const answer = await move(data, entry.id, entry.version, to);
    if (answer.ok) {
      const back = { start: entry.start, end: entry.end };
      const again = { ...entry, version: answer.version };
      const run = (): void => { void settle(again, back, () => undefined); };
      const hints = (answer.warnings ?? []).map(({ code }) => data.reasons[code] ?? code);
      say([`${data.words.moved} ${inWords(answer.start_time, data.zone)}.`, ...hints].join(" "), { label: data.words.undo, run });
    } else if (answer.refused.suggested_slots) {
      revert();
      const refused = { ...answer.refused, suggested_slots: await readFree(entry.id, to) };
      const other = await offerOthers(data, refused);
      if (other) {
        await settle(entry, other, () => undefined);
        return;
      }
    } else {
      revert();
      say(answer.refused.code === "VERSION_CONFLICT" ? data.words.stale : answer.refused.detail);
    }
  } catch {
    revert();
    say(data.words.failed);
  } finally {
    isBusy = false;
  }
  calendar.refetchEvents();
}

/** Scroll to where most days begin. */
function showMorning(): void {
  const head = place.querySelector<HTMLElement>("thead .fc-scroller")?.offsetHeight ?? 0;
  const lane = place.querySelector<HTMLElement>("td.fc-timegrid-slot-lane[data-time='07:30:00']");
  if (lane) place.scrollTop += lane.getBoundingClientRect().top - place.getBoundingClientRect().top - head;
}

function book(start: string, minutes: number): void {
  const query = new URLSearchParams({ start: start.slice(0, 16), minutes: String(minutes) });
  if (person?.value) query.set("user_id", person.value);
  openForm(`${data.create}?${query}`);
}

function openForm(url: string): void {
  void openEditor(url, (hints) => {
    say([data.words.saved, ...hints].join(" "));
    calendar.refetchEvents();
  }, () => { say(data.words.failed); });
}

function firstView(): string {
  const kept = localStorage.getItem(VIEW_KEY) ?? "";
  if (VIEWS.includes(kept)) return kept;
  return NARROW.matches ? "timeGridDay" : "timeGridWeek";
}

const place = part("calendar"); // its height is the style sheet's business; the calendar fills it
const sheet = document.createElement("div");
place.append(sheet);
const calendar = new Calendar(sheet, {
  plugins: [dayGrid, timeGrid, list, interaction],
  locales: [enGb, de],
  locale: language(),
  timeZone: data.zone, // without a zone plugin: clocks are drawn as the server writes them
  now: () => clockOf(data.zone),
  initialDate: data.date,
  initialView: firstView(),
  firstDay: 1,
  headerToolbar: false,
  height: "auto", // the place around it scrolls: a scrolling part within a table could not be reached by keyboard
  stickyHeaderDates: true,
  allDaySlot: false,
  nowIndicator: true,
  navLinks: true,
  slotDuration: "00:30:00",
  snapDuration: "00:15:00",
  slotLabelFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
  eventTimeFormat: { hour: "2-digit", minute: "2-digit", hour12: false },
  dayHeaderFormat: { weekday: "short", day: "numeric" },
  dayMaxEvents: 4,
  slotEventOverlap: false,
  eventMinHeight: 22,
  longPressDelay: 350,
  businessHours: openHours(),
  noEventsText: data.words.nothing,
  selectable: data.may_write,
  selectMirror: true,
  selectMinDistance: 6,
  editable: false, // each entry says for itself
  eventResizableFromStart: false,
  views: {
    timeGridDay: { titleFormat: { weekday: "short", day: "numeric", month: "long", year: "numeric" }, dayHeaders: false },
    timeGridWeek: { titleFormat: { day: "numeric", month: "short", year: "numeric" }, displayEventEnd: false },
    listWeek: { titleFormat: { day: "numeric", month: "short", year: "numeric" } },
    dayGridMonth: { displayEventEnd: false, dayHeaderFormat: { weekday: "short" } },
  },
  events: (asked, done, fail) => { entries(asked).then(done, fail); },
  eventContent: draw,
  eventDidMount: ({ el, event }) => { color(el, event.extendedProps["color"]); },
  eventDragStart: () => { isBusy = true; },
  eventDragStop: () => { isBusy = false; },
  eventResizeStart: () => { isBusy = true; },
  eventResizeStop: () => { isBusy = false; },
  eventDrop: ({ event, revert }) => { changed(event.extendedProps["entry"] as Entry, event.startStr, event.endStr, revert); },
  eventResize: ({ event, revert }) => { changed(event.extendedProps["entry"] as Entry, event.startStr, event.endStr, revert); },
  select: ({ startStr, endStr, start, end, allDay }) => {
    calendar.unselect();
    if (!allDay && startStr && endStr) book(bare(startStr), (end.getTime() - start.getTime()) / 60_000);
  },
  dateClick: ({ dateStr, allDay }) => {
    if (allDay) calendar.changeView("timeGridDay", dateStr);
    else if (data.may_write) book(bare(dateStr), CLICK_MINUTES);
  },
  datesSet: ({ view }) => {
    part("calendar-title").textContent = view.title;
    localStorage.setItem(VIEW_KEY, view.type);
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-view]")) {
      button.setAttribute("aria-pressed", String(button.dataset["view"] === view.type));
    }
    const url = new URL(window.location.href);
    url.searchParams.set("date", calendar.getDate().toISOString().slice(0, 10)); // its clock counts as if in UTC
    history.replaceState(null, "", url);
  },
  viewDidMount: ({ view }) => {
    if (view.type.startsWith("timeGrid")) window.requestAnimationFrame(showMorning);
  },
  dayCellDidMount: ({ el }) => { el.removeAttribute("aria-labelledby"); }, // its text says more than the date
  moreLinkDidMount: ({ el }) => { el.setAttribute("role", "button"); },
});

function changed(entry: Entry, start: string, end: string, revert: () => void): void {
  void settle(entry, { start: bare(start), end: bare(end) }, revert);
}

for (const link of document.querySelectorAll<HTMLAnchorElement>("[data-go]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const way = link.dataset["go"];
    if (way === "prev") calendar.prev();
    else if (way === "next") calendar.next();
    else calendar.today();
  });
}
for (const button of document.querySelectorAll<HTMLButtonElement>("[data-view]")) {
  button.addEventListener("click", () => { calendar.changeView(button.dataset["view"] ?? "timeGridWeek"); });
}
document.getElementById("calendar-new")?.addEventListener("click", (event) => {
  event.preventDefault();
  openForm(data.create);
});
person?.addEventListener("change", () => {
  const url = new URL(window.location.href);
  if (person.value) url.searchParams.set("user_id", person.value);
  else url.searchParams.delete("user_id");
  history.replaceState(null, "", url);
  calendar.setOption("businessHours", openHours());
  calendar.refetchEvents();
});
if (colors) {
  colors.value = localStorage.getItem(COLOR_KEY) ?? "service";
  part("calendar-colors").hidden = false;
  colors.addEventListener("change", () => {
    localStorage.setItem(COLOR_KEY, colors.value);
    calendar.refetchEvents();
  });
}

async function poll(): Promise<void> {
  if (document.visibilityState !== "visible" || isBusy || document.querySelector("dialog[open]")) return;
  if ((await readLatest(data)) !== latest && !isBusy) calendar.refetchEvents();
}

document.body.classList.add("has-calendar");
part("week-list").hidden = true;
part("calendar-views").hidden = false;
place.hidden = false;
calendar.render();
window.setInterval(() => { poll().catch(() => undefined); }, POLL_MS); // the next time may go well
document.addEventListener("visibilitychange", () => { poll().catch(() => undefined); });
