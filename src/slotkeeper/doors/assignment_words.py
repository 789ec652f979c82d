"""Why an appointment cannot be given to a person, in words, for every door."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from slotkeeper.appointments.assignment import Why

OBSTACLES: dict[Why, Promise] = {
    Why.TAKEN: _("The person is not free."),
    Why.NOT_GIVEN: _("The person does not give this service."),
    Why.TAKES_PART: _("The person takes part in the appointment already."),
    Why.CHANGED: _("The appointment has just been changed."),
    Why.FINAL: _("The appointment is finished."),
}
