// The customer's name as a combobox: suggestions while one types, chosen by mouse, thumb or keyboard.
// https://www.w3.org/WAI/ARIA/apg/patterns/combobox/

import { type Customer, search } from "./search.js";

const LIST_ID = "customer-suggestions";

/** Suggest customers below the name of a form; without the server's answer the field stays a plain one. */
export function suggestCustomers(form: HTMLFormElement): void {
  const name = field(form, "contact_name");
  const url = form.dataset["customers"];
  if (name && url) new Suggestions(form, name, url);
}

class Suggestions {
  private readonly list = document.createElement("ul");
  private readonly status = document.createElement("div");
  private customers: Customer[] = [];
  private active = -1;
  private chosen: Customer | null = null;

  constructor(private readonly form: HTMLFormElement, private readonly name: HTMLInputElement, private readonly url: string) {
    this.list.id = LIST_ID;
    this.list.className = "suggestions";
    this.list.hidden = true;
    this.list.setAttribute("role", "listbox");
    this.list.setAttribute("aria-label", form.dataset["customersName"] ?? "");
    this.status.className = "unseen";
    this.status.setAttribute("role", "status");
    for (const [attribute, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-controls": LIST_ID, "aria-expanded": "false",
    })) name.setAttribute(attribute, value);
    name.after(this.list, this.status);
    name.addEventListener("input", () => { void this.typed(); });
    name.addEventListener("keydown", (event) => { this.pressed(event); });
    name.addEventListener("blur", () => { this.close(); });
    this.list.addEventListener("mousedown", (event) => { event.preventDefault(); }); // the field keeps the focus
    this.list.addEventListener("click", (event) => {
      const option = (event.target as Element).closest("li");
      if (option) this.choose([...this.list.children].indexOf(option));
    });
  }

  private async typed(): Promise<void> {
    this.giveUp();
    this.point(-1);
    const found = await search(this.url, this.name.value);
    if (!found || document.activeElement !== this.name) return;
    this.customers = found.customers;
    this.status.textContent = found.words;
    this.list.replaceChildren(...found.customers.map(option));
    this.point(-1);
    this.show(found.customers.length > 0);
  }

  private pressed(event: KeyboardEvent): void {
    if (this.list.hidden || event.isComposing) return;
    const count = this.customers.length;
    if (event.key === "ArrowDown") this.point((this.active + 1) % count);
    else if (event.key === "ArrowUp") this.point((this.active <= 0 ? count : this.active) - 1);
    else if (event.key === "Enter" && this.active >= 0) this.choose(this.active);
    else if (event.key === "Escape") this.close();
    else return;
    event.preventDefault(); // else Enter would send the form, and Escape would close its dialog
  }

  private point(place: number): void {
    this.active = place;
    for (const [number, one] of [...this.list.children].entries()) one.setAttribute("aria-selected", String(number === place));
    const option = this.list.children[place];
    if (option) this.name.setAttribute("aria-activedescendant", option.id);
    else this.name.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  private show(isOpen: boolean): void {
    this.list.hidden = !isOpen;
    this.name.setAttribute("aria-expanded", String(isOpen));
  }

  private close(): void {
    this.point(-1);
    this.show(false);
  }

  private choose(place: number): void {
    const customer = this.customers[place];
    if (!customer) return;
    this.chosen = customer;
    this.fill(customer.id, customer.email, customer.phone);
    this.name.value = customer.name;
    this.close();
    this.tell(customer);
  }

  /** Who types on after choosing means somebody else: that customer's addresses must not reach them. */
  private giveUp(): void {
    if (!this.chosen) return;
    this.chosen = null;
    this.fill("", "", "");
    this.tell(null);
  }

  private fill(id: number | string, email?: string | null, phone?: string | null): void {
    for (const [key, value] of Object.entries({ contact_id: id, contact_email: email, contact_phone: phone })) {
      const input = field(this.form, key);
      if (input) input.value = String(value ?? "");
    }
  }

  private tell(customer: Customer | null): void {
    const note = this.form.querySelector<HTMLElement>("[data-part=customer]");
    const link = note?.querySelector("a");
    if (!note || !link) return;
    note.hidden = customer === null;
    link.textContent = customer?.name ?? "";
    if (customer) link.href = `/customers/${customer.id}`;
  }
}

function field(form: HTMLFormElement, name: string): HTMLInputElement | null {
  return form.querySelector<HTMLInputElement>(`input[name=${name}]`);
}

function option(customer: Customer): HTMLLIElement {
  const line = document.createElement("li");
  line.id = `${LIST_ID}-${customer.id}`;
  line.setAttribute("role", "option");
  const about = document.createElement("span");
  about.className = "soft small";
  about.textContent = [customer.email, customer.phone].filter(Boolean).join(" · ");
  line.append(customer.name, about);
  return line;
}
