"""The message about a calendar that has to be connected again, or that has not been read for a day."""

from datetime import datetime

from django.conf import settings
from django.utils.translation import override

from slotkeeper.calendars.models import CalendarConnection, Health
from slotkeeper.languages import known_language
from slotkeeper.outbox.channels.base import Dispatch
from slotkeeper.outbox.frames import frame_of
from slotkeeper.outbox.kinds import ChannelName, Kind, Reason, State
from slotkeeper.outbox.letters import write_letter
from slotkeeper.outbox.models import Message
from slotkeeper.outbox.sending import NotToBeSent, Written
from slotkeeper.outbox.wordings import wording_of
from slotkeeper.people.models import Business


class CalendarCorrespondent:
    """Writes to whose calendar it is."""

    def write(self, message: Message, now: datetime) -> Written:
        """Say which calendar needs its owner. Raises NotToBeSent where it no longer does."""
        del now
        connection = CalendarConnection.objects.filter(pk=message.subject_id).select_related("user").first()
        if connection is None or connection.status == Health.CONNECTED:
            raise NotToBeSent(State.SUPERSEDED, Reason.NO_LONGER_TRUE)
        business = Business.objects.get(pk=message.business_id)
        language = known_language(connection.user.locale) or settings.LANGUAGE_CODE
        with override(language):
            values = {"calendar_name": connection.name, "link": f"{settings.CONFIGURATION.url}/calendars"}
            wording = wording_of(business.pk, Kind.CALENDAR_ATTENTION, ChannelName.EMAIL, language)
            frame = frame_of(Kind.CALENDAR_ATTENTION, values, business.name, business.accent_color)
            letter = write_letter(wording, values, frame)
        address, name = connection.user.email, connection.user.name
        return Written(Dispatch(message.message_id, address, name, business.name, "", letter))

    def lock(self, message: Message) -> None:
        """Nothing is read afterwards."""

    def settled(self, message: Message, now: datetime) -> None:
        """Nothing follows."""
