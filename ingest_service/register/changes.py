"""What may be done to the register; each change leaves a row in the audit log, in the same transaction."""

from ingest_service.register.calendar_changes import CalendarChanges
from ingest_service.register.device_changes import DeviceChanges
from ingest_service.register.people_changes import PeopleChanges
from ingest_service.register.place_changes import PlaceChanges


class Change(PlaceChanges, CalendarChanges, DeviceChanges, PeopleChanges):
    """Changes inside one transaction of `Register.change`. What already is so stays untouched."""
