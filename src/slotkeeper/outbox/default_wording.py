"""How messages are worded where a business has no words of its own. German calls the reader “Sie”."""

from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from slotkeeper.outbox.kinds import Kind

SUBJECTS: dict[Kind, Promise] = {
    Kind.BOOKED: pgettext_lazy("a message's subject", "Booked: {{ day }}, {{ time }}"),
    Kind.AWAITING_CONFIRMATION: pgettext_lazy("a message's subject", "Your request: {{ day }}, {{ time }}"),
    Kind.CONFIRMED: pgettext_lazy("a message's subject", "Confirmed: {{ day }}, {{ time }}"),
    Kind.RESCHEDULED: pgettext_lazy("a message's subject", "New time: {{ day }}, {{ time }}"),
    Kind.CANCELED: pgettext_lazy("a message's subject", "Canceled: {{ day }}, {{ time }}"),
    Kind.REMINDER_24H: pgettext_lazy("a message's subject", "Reminder: {{ day }}, {{ time }}"),
    Kind.REMINDER_2H: pgettext_lazy("a message's subject", "See you soon: {{ day }}, {{ time }}"),
    Kind.REMINDER: pgettext_lazy("a message's subject", "Reminder: {{ day }}, {{ time }}"),
    Kind.NEW_BOOKING: pgettext_lazy("a message's subject", "New booking: {{ day }}, {{ time }}, {{ service_name }}"),
    Kind.CUSTOMER_RESCHEDULED: pgettext_lazy("a message's subject", "Moved: {{ day }}, {{ time }}, {{ service_name }}"),
    Kind.CUSTOMER_CANCELED: pgettext_lazy("a message's subject", "Canceled: {{ day }}, {{ time }}, {{ service_name }}"),
    Kind.ASSIGNED: pgettext_lazy("a message's subject", "Now with you: {{ day }}, {{ time }}, {{ service_name }}"),
    Kind.UNASSIGNED: pgettext_lazy(
        "a message's subject", "No longer with you: {{ day }}, {{ time }}, {{ service_name }}"
    ),
    Kind.CALENDAR_ATTENTION: pgettext_lazy(
        "a message's subject", "Please connect your calendar again: {{ calendar_name }}"
    ),
    Kind.UNDELIVERABLE: pgettext_lazy("a message's subject", "Not delivered: {{ message_name }}"),
    Kind.INVITATION: pgettext_lazy("a message's subject", "{{ inviter_name }} invites you to {{ business_name }}"),
    Kind.QUOTE: pgettext_lazy("a message's subject", "Quote {{ number }} from {{ business_name }}"),
    Kind.INVOICE: pgettext_lazy("a message's subject", "Invoice {{ number }} from {{ business_name }}"),
    Kind.CREDIT_NOTE: pgettext_lazy("a message's subject", "Credit note {{ number }} from {{ business_name }}"),
    Kind.RECEIPT: pgettext_lazy("a message's subject", "Thank you: invoice {{ number }} is paid"),
    Kind.PAYMENT_REMINDER: pgettext_lazy("a message's subject", "Reminder: invoice {{ number }} is not paid yet"),
    Kind.REFUND: pgettext_lazy("a message's subject", "{{ amount }} goes back to you"),
    Kind.PAID_TOO_LATE: pgettext_lazy("a message's subject", "Not booked: your {{ amount }} go back to you"),
    Kind.PORTAL_LINK: pgettext_lazy("a message's subject", "Your appointments and invoices at {{ business_name }}"),
}
BODIES: dict[Kind, Promise] = {
    Kind.BOOKED: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nYour appointment is booked. We look forward to seeing you.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "{{ business_name }}",
    ),
    Kind.AWAITING_CONFIRMATION: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nThank you for your request. We keep this time free for you, and write to you "
        "as soon as we have confirmed it.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "{{ business_name }}",
    ),
    Kind.CONFIRMED: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nYour appointment is confirmed. We look forward to seeing you.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "{{ business_name }}",
    ),
    Kind.RESCHEDULED: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nYour appointment has a new time.\n"
        "Before: {{ old_day }}, {{ old_time }}\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "{{ business_name }}",
    ),
    Kind.CANCELED: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nThis appointment is canceled: {{ day }}, {{ time }}.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nTimes are in {{ time_zone }}.\n\n"
        "The reason: {{ reason }}\n\nYou are welcome to book another time.\n\n{{ business_name }}",
    ),
    Kind.REMINDER_24H: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nThis is a reminder of your appointment. If you cannot come, please tell us "
        "soon.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "{{ business_name }}",
    ),
    Kind.REMINDER_2H: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nYour appointment begins soon. We are expecting you.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "{{ business_name }}",
    ),
    Kind.REMINDER: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nThis is a reminder of your appointment. If you cannot come, please tell us "
        "soon.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "{{ business_name }}",
    ),
    Kind.NEW_BOOKING: pgettext_lazy(
        "a message",
        "A customer has booked an appointment.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "Customer: {{ customer_name }}\nEmail: {{ customer_email }}\nPhone: {{ customer_phone }}\n"
        "Notes: {{ notes }}",
    ),
    Kind.CUSTOMER_RESCHEDULED: pgettext_lazy(
        "a message",
        "A customer has moved their appointment.\nBefore: {{ old_day }}, {{ old_time }}\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "Customer: {{ customer_name }}\nEmail: {{ customer_email }}\nPhone: {{ customer_phone }}\n"
        "Notes: {{ notes }}",
    ),
    Kind.CUSTOMER_CANCELED: pgettext_lazy(
        "a message",
        "A customer has canceled their appointment: {{ day }}, {{ time }}. This time is free again.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nTimes are in {{ time_zone }}.\n\n"
        "The reason: {{ reason }}\n\n"
        "Customer: {{ customer_name }}\nEmail: {{ customer_email }}\nPhone: {{ customer_phone }}",
    ),
    Kind.ASSIGNED: pgettext_lazy(
        "a message",
        "You have been given an appointment.\n\n"
        "{{ service_name }}\nWith {{ provider_name }}\nWhere: {{ location }}\n\n"
        "Customer: {{ customer_name }}\nEmail: {{ customer_email }}\nPhone: {{ customer_phone }}\n"
        "Notes: {{ notes }}",
    ),
    Kind.UNASSIGNED: pgettext_lazy(
        "a message",
        "This appointment is no longer with you: {{ day }}, {{ time }}. This time is free again.\n\n"
        "{{ service_name }}\nNow with {{ provider_name }}\nTimes are in {{ time_zone }}.\n\n"
        "Customer: {{ customer_name }}",
    ),
    Kind.CALENDAR_ATTENTION: pgettext_lazy(
        "a message",
        "Slotkeeper can no longer read or write the calendar {{ calendar_name }}.\n\n"
        "Until you connect it again, new appointments do not appear there, and what you enter there is not seen.",
    ),
    Kind.UNDELIVERABLE: pgettext_lazy(
        "a message",
        "A message could not be delivered.\n\nMessage: {{ message_name }}\nTo: {{ address }}\nWhy: {{ problem }}\n\n"
        "Please check the address, or call your customer.",
    ),
    Kind.INVITATION: pgettext_lazy(
        "a message",
        "{{ inviter_name }} invites you to work with {{ business_name }} in Slotkeeper, where appointments "
        "are kept.\n\nYour role: {{ role_name }}\nThe invitation is valid until {{ expires_on }}, and can be accepted "
        "once.\n\nIf you do not know why you get this, you need do nothing.",
    ),
    Kind.QUOTE: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nHere is our quote {{ number }} of {{ amount }}.\n"
        "It is valid until {{ valid_until }}.\n\n"
        "Under the link you can read it, and accept or decline it.\n\n{{ business_name }}",
    ),
    Kind.INVOICE: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nHere is our invoice {{ number }} of {{ amount }}.\n"
        "Please pay it by {{ due_day }}.\n\n"
        "Under the link you can read it, and see how to pay.\n\n{{ business_name }}",
    ),
    Kind.CREDIT_NOTE: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nWe have corrected our invoice {{ corrected_number }}. "
        "Here is the credit note {{ number }} of {{ amount }}.\n\n{{ business_name }}",
    ),
    Kind.RECEIPT: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nThank you for your payment. Invoice {{ number }} of {{ amount }} is paid.\n\n"
        "Under the link you find the invoice and its receipt.\n\n{{ business_name }}",
    ),
    Kind.PAYMENT_REMINDER: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nOur invoice {{ number }} was due on {{ due_day }}, and {{ amount }} is still "
        "open.\n\nUnder the link you can see it, and how to pay. If you have paid already, thank you: then you need do "
        "nothing.\n\n{{ business_name }}",
    ),
    Kind.REFUND: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\n{{ amount }} of what you paid on invoice {{ number }} goes back to you, the way "
        "it came. With a bank this can take some days.\n\n{{ business_name }}",
    ),
    Kind.PAID_TOO_LATE: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nYour payment for {{ service_name }}, {{ day }}, {{ time }}, arrived when the "
        "time was held for you no longer, and somebody else has taken it. Nothing is booked.\n\n"
        "Your {{ amount }} go back to you, the way they came. With a bank this can take some days.\n\n"
        "We are sorry. Under the link you can choose another time.\n\n{{ business_name }}",
    ),
    Kind.PORTAL_LINK: pgettext_lazy(
        "a message",
        "Hello {{ customer_name }},\n\nUnder this link you find all your appointments and invoices at "
        "{{ business_name }}. It is valid for a week, and only for you.\n\n"
        "If you have not asked for it, you need do nothing.",
    ),
}
# In one or two SMS of 153 characters, the link included.
SHORT_TEXTS: dict[Kind, Promise] = {
    Kind.BOOKED: pgettext_lazy(
        "an SMS",
        "{{ business_name }}: booked, {{ day }}, {{ time }}.\nTimes are in {{ time_zone }}.\n{{ manage_link }}",
    ),
    Kind.AWAITING_CONFIRMATION: pgettext_lazy(
        "an SMS",
        "{{ business_name }}: thank you. We will confirm {{ day }}, {{ time }}.\nTimes are in {{ time_zone }}.\n"
        "{{ manage_link }}",
    ),
    Kind.CONFIRMED: pgettext_lazy(
        "an SMS",
        "{{ business_name }}: confirmed, {{ day }}, {{ time }}.\nTimes are in {{ time_zone }}.\n{{ manage_link }}",
    ),
    Kind.RESCHEDULED: pgettext_lazy(
        "an SMS",
        "{{ business_name }}: your new time is {{ day }}, {{ time }}.\nTimes are in {{ time_zone }}.\n"
        "{{ manage_link }}",
    ),
    Kind.CANCELED: pgettext_lazy(
        "an SMS",
        "{{ business_name }}: your appointment on {{ day }}, {{ time }} is canceled.\nTimes are in {{ time_zone }}.",
    ),
    Kind.REMINDER_24H: pgettext_lazy(
        "an SMS",
        "{{ business_name }}: see you {{ day }}, {{ time }}.\nTimes are in {{ time_zone }}.\n{{ manage_link }}",
    ),
    Kind.REMINDER_2H: pgettext_lazy(
        "an SMS", "{{ business_name }}: see you soon, {{ time }}.\nTimes are in {{ time_zone }}.\n{{ location }}"
    ),
    Kind.REMINDER: pgettext_lazy(
        "an SMS",
        "{{ business_name }}: see you {{ day }}, {{ time }}.\nTimes are in {{ time_zone }}.\n{{ manage_link }}",
    ),
}
