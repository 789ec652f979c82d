"""The practice that `slotkeeper demo` invents. Nobody in it is real.

Addresses are in example.org (RFC 2606); telephone numbers are those that Germany's
Bundesnetzagentur sets aside for films, where nobody answers.
"""

from typing import NamedTuple

ZONE = "Europe/Berlin"
PRACTICE = "Physiotherapie Sonnenkiez"
LOCATION = "Sonnenkiez 12, Berlin"
OWNER = ("Henrike Vossberg", "henrike.vossberg@example.org")


class Provider(NamedTuple):
    """Somebody who treats, and on which days of the week (Monday is 0)."""

    name: str
    email: str
    weekdays: frozenset[int]


PROVIDERS = (
    Provider("Miriam Okafor", "miriam.okafor@example.org", frozenset({0, 1, 2, 3, 4})),
    Provider("Tobias Lindqvist", "tobias.lindqvist@example.org", frozenset({0, 1, 2, 3, 4})),
    Provider("Ayşe Demirtaş", "ayse.demirtas@example.org", frozenset({0, 1, 3, 4})),
)


class Treatment(NamedTuple):
    """A service, how long it takes and how often it is asked for."""

    name: str
    minutes: int
    buffer_before_minutes: int
    buffer_after_minutes: int
    weight: int
    price_amount: int
    color: str
    description: str


TREATMENTS = (
    Treatment(
        "Physiotherapy", 25, 0, 5, 50, 3_200, "#b5552b", "Exercises and hands-on treatment, with your prescription."
    ),
    Treatment(
        "Manual therapy", 40, 0, 5, 25, 4_800, "#3f6f8f", "For joints that move too little, or hurt when they do."
    ),
    Treatment("First assessment", 50, 0, 10, 10, 6_500, "#5c7a3d", "We look at what troubles you and make a plan."),
    Treatment(
        "Sports massage", 50, 5, 5, 15, 5_900, "#8a5a9b", "For tired legs and stiff backs; no prescription needed."
    ),
)

ROOM = "Treatment room"
ROOMS = ("Room 1, ground floor", "Room 2, ground floor", "Room 3, upstairs")  # every treatment takes one of them

INVOICED = "Sports massage"  # the rest is paid by insurers, on a prescription
BILLING = {
    "legal_name": "Physiotherapie Sonnenkiez, Henrike Vossberg",
    "street": "Sonnenkiez 12",
    "postal_code": "10999",
    "city": "Berlin",
    "country": "DE",
    "tax_number": "99/999/99999",
    "exemption_note": "No tax is charged, as the law says of small businesses (§ 19 UStG).",
    "iban": "DE89370400440532013000",  # the one that banks print as an example
    "payment_days": 14,
    "number_prefix": "R",
}


class Offer(NamedTuple):
    """A quote: what for, how many at which price in cents, and what became of it."""

    text: str
    quantity: str
    price: int
    discount: str
    days_ago: int
    answer: str = ""


OFFERS = (
    Offer("Sports massage, ten sessions", "10", 5_900, "10", 16, "accepted"),
    Offer("Back course, eight evenings", "8", 1_500, "0", 9, "declined"),
    Offer("Sports massage for your team, a Saturday morning", "4.5", 8_500, "5", 2),
)

# From, until, in minutes after midnight; lunch is between them.
SESSIONS = ((8 * 60, 12 * 60), (13 * 60, 17 * 60 + 30))

FIRST_NAMES = (
    "Jonas", "Lea", "Mehmet", "Hannah", "Wiktor", "Charlotte", "Emil", "Fatma", "Oskar", "Greta",
    "Nikolai", "Selin", "Moritz", "Ida", "Thanh", "Frieda", "Karim", "Lotte", "Sebastian", "Zofia",
    "Anton", "Marlene", "Ruben", "Elif", "Julius", "Nora", "Henning", "Aylin", "Björn", "Katharina",
)  # fmt: skip
LAST_NAMES = (
    "Ahrenholt", "Brandwein", "Celebic", "Dornseif", "Eickstedt", "Falkenrath", "Grünbeck",
    "Hollerbach", "Ilgenfritz", "Jankowiak", "Kesselring", "Lindenthal", "Morgenrot", "Niebuhrs",
    "Oestervik", "Piepenbring", "Quellmann", "Rautenkranz", "Steinwender", "Tannhoff", "Uferkamp",
    "Vierhaus", "Wacholder", "Yalvaç", "Zwetschner",
)  # fmt: skip
CUSTOMERS = 60
LANDLINES = "+49 30 23125 {:03}"  # 000 to 999
MOBILES = "+49 171 39200 {:02}"  # 00 to 99

NOTES = (
    "Prefers mornings.", "Prescription for six sessions.", "Comes with crutches until the end of the month.",
    "Please call if anything earlier becomes free.", "Second prescription; report to the doctor is due.",
)  # fmt: skip
REASONS = ("Is ill.", "Has to work.", "Found an earlier time.", "The prescription has run out.")
