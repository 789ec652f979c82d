// How an appointment looks: colour by service or person, status by a sign and its name, never by colour alone.

import type { EventContentArg, EventInput } from "@fullcalendar/core";
import type { Entry, PageData } from "./page.js";
import { bare } from "./page.js";

const SVG = "http://www.w3.org/2000/svg";
const SIGNS: Record<string, string[]> = {
  scheduled: ["M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 1 0 0-11z", "M8 5v3l2 1.5"],
  confirmed: ["M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 1 0 0-11z", "M5.2 8.2l2 2 3.6-4"],
  completed: ["M3 8.5l3.2 3.2L13 5"],
  no_show: ["M8 2.5l6 10.5H2z", "M8 7v2.5M8 11.4v.1"],
  canceled: ["M4 4l8 8M12 4l-8 8"],
};
const PALETTE = 8;

export type ColorBy = "service" | "person";

export function eventOf(entry: Entry, data: PageData, by: ColorBy): EventInput {
  const place = Math.max(0, data.people.indexOf(entry.user_id)) % PALETTE;
  const isByService = by === "service" && entry.color !== null;
  return {
    id: String(entry.id),
    title: entry.title,
    start: bare(entry.start),
    end: bare(entry.end),
    url: entry.url,
    editable: entry.is_movable,
    classNames: ["entry-event", `is-${entry.status}`, ...(isByService ? [] : [by === "person" ? `person-${place}` : "plain-color"])],
    extendedProps: { entry, color: isByService ? entry.color : null },
  };
}

export function draw(argument: EventContentArg): { domNodes: Node[] } {
  const entry = argument.event.extendedProps["entry"] as Entry | undefined;
  const nodes: Node[] = [];
  if (entry) nodes.push(sign(entry.status));
  if (!argument.view.type.startsWith("list")) nodes.push(text("span", "entry-time", argument.timeText));
  nodes.push(text("span", "entry-title", argument.event.title));
  if (entry?.customer) nodes.push(text("span", "entry-customer", entry.customer));
  if (entry) nodes.push(text("span", "unseen", ` (${entry.status_name})`));
  return { domNodes: nodes };
}

/** Give the element its colour; a style rule in the page's text would be refused, and rightly. */
export function color(element: HTMLElement, value: unknown): void {
  if (typeof value === "string" && /^#[0-9a-f]{6}$/i.test(value)) element.style.setProperty("--own", value);
}

function text(name: string, className: string, content: string): HTMLElement {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = content;
  return node;
}

function sign(status: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "entry-sign");
  svg.setAttribute("aria-hidden", "true");
  for (const line of SIGNS[status] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}
