"""The parts of Microsoft Graph that we use, as JSON Schema: every request and answer of the fake is held to it.

Written from the published reference (https://learn.microsoft.com/en-us/graph/api/resources/event and its neighbours),
and compared with the models of msgraph-sdk 1.65. That package itself takes half a gigabyte with what it needs.
"""

from functools import cache

from jsonschema import Draft202012Validator

TEXT, FLAG, NUMBER = {"type": ["string", "null"]}, {"type": ["boolean", "null"]}, {"type": ["integer", "null"]}
ANYTHING = {"type": ["object", "array", "null"]}


def one_of(*values):
    return {"enum": [*values, None]}


def thing(required=(), **properties):
    return {
        "type": ["object", "null"],
        "properties": {name.replace("AT_", "@"): one for name, one in properties.items()},
        "required": list(required),
        "additionalProperties": False,
    }


WHEN = thing(
    ("dateTime", "timeZone"),
    dateTime={"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?$"},
    timeZone={"type": "string", "minLength": 1},
)
MOMENT = {"type": ["string", "null"], "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?Z$"}
PROPERTY = thing(
    ("id", "value"),
    id={"type": "string", "pattern": r"^String \{[0-9a-fA-F-]{36}\} Name \w+$"},
    value={"type": "string"},
)

WRITABLE = {
    "subject": TEXT,
    "body": thing(contentType=one_of("text", "html"), content=TEXT),
    "location": thing(displayName=TEXT, locationType=TEXT, uniqueId=TEXT, uniqueIdType=TEXT),
    "start": WHEN,
    "end": WHEN,
    "isAllDay": FLAG,
    "showAs": one_of("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
    "transactionId": TEXT,
    "categories": {"type": "array", "items": {"type": "string"}},
    "importance": one_of("low", "normal", "high"),
    "sensitivity": one_of("normal", "personal", "private", "confidential"),
    "isReminderOn": FLAG,
    "reminderMinutesBeforeStart": NUMBER,
    "attendees": ANYTHING,
    "recurrence": ANYTHING,
    "singleValueExtendedProperties": {"type": "array", "items": PROPERTY},
}
EVENT = {
    **WRITABLE,
    "id": {"type": "string"},
    "@odata.etag": {"type": "string", "pattern": '^W/".+"$'},
    "@odata.type": TEXT,
    "@odata.context": TEXT,
    "changeKey": TEXT,
    "type": one_of("singleInstance", "occurrence", "exception", "seriesMaster"),
    "seriesMasterId": TEXT,
    "isCancelled": FLAG,
    "isOrganizer": FLAG,
    "responseStatus": thing(
        response=one_of("none", "organizer", "tentativelyAccepted", "accepted", "declined", "notResponded"), time=MOMENT
    ),
    "originalStart": MOMENT,
    "originalStartTimeZone": TEXT,
    "originalEndTimeZone": TEXT,
    "iCalUId": TEXT,
    "createdDateTime": MOMENT,
    "lastModifiedDateTime": MOMENT,
}
CALENDAR = {
    "id": {"type": "string"},
    "name": TEXT,
    "canEdit": FLAG,
    "canShare": FLAG,
    "isDefaultCalendar": FLAG,
    "color": TEXT,
    "owner": ANYTHING,
}
SUBSCRIPTION = {
    "changeType": {"type": "string", "pattern": "^(created|updated|deleted)(,(created|updated|deleted))*$"},
    "notificationUrl": {"type": "string"},
    "resource": {"type": "string"},
    "expirationDateTime": MOMENT,
    "clientState": {"type": ["string", "null"], "maxLength": 128},
}
REMOVED = {"id": {"type": "string"}, "@removed": thing(("reason",), reason=one_of("deleted", "changed"))}


def closed(properties, *required):
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def page(item):
    links = {"@odata.nextLink": {"type": "string"}, "@odata.deltaLink": {"type": "string"}, "@odata.context": TEXT}
    return closed({"value": {"type": "array", "items": item}, **links}, "value")


ITEM = closed(EVENT, "id", "@odata.etag")
SCHEMAS = {
    "event": ITEM,
    "events": page(ITEM),
    "delta": page({"oneOf": [ITEM, closed(REMOVED, *REMOVED)]}),
    "calendars": page(closed(CALENDAR, "id")),
    "subscription": closed(
        {**SUBSCRIPTION, "id": {"type": "string"}, "applicationId": TEXT}, "id", "expirationDateTime"
    ),
    "new event": closed(WRITABLE, "subject", "start", "end"),
    "changed event": closed(WRITABLE),
    "new subscription": closed(SUBSCRIPTION, "changeType", "notificationUrl", "resource", "expirationDateTime"),
}


@cache
def _validator(name):
    return Draft202012Validator(SCHEMAS[name])


def complaints_about(name, body):
    """Say what is wrong with a body that should be of that kind."""
    for error in _validator(name).iter_errors(body):
        yield f"{name} {list(error.path)}: {error.message}"
