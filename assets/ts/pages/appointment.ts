// The form of an appointment on a page of its own.

import { suggestCustomers } from "../customers/suggestions.js";

for (const form of document.querySelectorAll<HTMLFormElement>("form[data-customers]")) suggestCustomers(form);
