// The editor of quotes and invoices: what the lines come to while one types. The server adds up for good.

import { suggestCustomers } from "../customers/suggestions.js";
import { decimal, type Line, totals } from "../money/totals.js";

const form = document.getElementById("document-form") as HTMLFormElement | null;
const place = form?.querySelector<HTMLElement>("[data-totals]");

function typed(root: ParentNode, name: string): string {
  return root.querySelector<HTMLInputElement | HTMLSelectElement>(`[name$="${name}"]`)?.value ?? "";
}

function digitsOf(currency: string): number {
  return new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
}

/** Read a line; null where it is not begun, or not a number yet. */
function lineOf(row: Element, digits: number): Line | null {
  const price = decimal(typed(row, "-unit_price"), digits);
  const quantity = decimal(typed(row, "-quantity") || "1", 3);
  const discount = decimal(typed(row, "-discount") || "0", 2);
  const rate = (typed(row, "-tax_rate") || "0").replace(",", ".");
  return price === null || quantity === null || discount === null || decimal(rate, 2) === null ? null : { price, quantity, discount, rate: String(Number(rate)) };
}

function row(name: string, amount: string, isWhole = false): HTMLDivElement {
  const line = document.createElement("div");
  if (isWhole) line.className = "whole";
  const term = document.createElement("dt"), sum = document.createElement("dd");
  term.textContent = name;
  sum.textContent = amount;
  line.append(term, sum);
  return line;
}

function show(editor: HTMLFormElement, sums: HTMLElement): void {
  const currency = typed(editor, "currency");
  const digits = digitsOf(currency), language = document.documentElement.lang;
  const lines = [...editor.querySelectorAll(".paper-lines > li")].map((one) => lineOf(one, digits)).filter((one) => one !== null);
  const discount = decimal(editor.querySelector<HTMLInputElement>("#id_discount")?.value || "0", 2);
  sums.hidden = lines.length === 0 || discount === null;
  if (sums.hidden) return;
  const money = new Intl.NumberFormat(language, { style: "currency", currency });
  const percent = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 2 });
  const written = (amount: bigint): string => money.format(Number(amount) / 10 ** digits);
  const found = totals(lines, discount ?? 0n);
  sums.replaceChildren(
    row(sums.dataset["net"] ?? "", written(found.net)),
    ...found.taxes.filter(({ rate }) => Number(rate)).map(({ rate, tax }) => row(`${percent.format(Number(rate) / 100)} ${sums.dataset["tax"] ?? ""}`, written(tax))),
    row(sums.dataset["gross"] ?? "", written(found.gross), true),
  );
}

if (form) suggestCustomers(form);
if (form && place) {
  form.addEventListener("input", () => { show(form, place); });
  show(form, place);
}
