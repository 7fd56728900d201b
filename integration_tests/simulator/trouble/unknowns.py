"""What nobody outside of the vendor knows of contract 5: each question with the sides that it may have."""

from __future__ import annotations

from enum import Enum


class Naming(Enum):
    """Whether an expanded part may stand in the `$select` of the record."""

    FREE = "free"  # it comes with or without
    NEEDED = "needed"  # it does not come without, if anything is selected
    REFUSED = "refused"


class Star(Enum):
    """What `*` means in a `$select` beside names."""

    WORKS = "works"
    REFUSED = "refused"
    IGNORED = "ignored"  # only what is named comes


class OldCustom(Enum):
    """What `$custom` does in contract 5, whose descriptions still name it."""

    IGNORED = "ignored"
    HONOURED = "honoured"
    REFUSED = "refused"


class KeyForm(Enum):
    """By what the address of a record names a key that is a choice."""

    ID = "id"
    LABEL = "label"


class Literals(Enum):
    BARE = "bare"  # 2026-03-01T08:15:30Z
    TYPED = "typed"  # datetimeoffset'2026-03-01T08:15:30Z'


class Empty(Enum):
    """How a field without a value comes."""

    OBJECT = "{}"
    VALUE = '{"value":null}'
    NULL = "null"


class Labels(Enum):
    USUAL = "usual"
    NULL = "null"
    TRANSLATED = "translated"  # in the language of the user


class Sent(Enum):
    """How a value comes, whatever its description says."""

    PAIR = "pair"  # id and label
    LABEL = "label"  # as a bare text
    ID = "id"  # bare
    DAY = "day"
    INSTANT = "instant"


class FileForm(Enum):
    """How an attached file is sent."""

    USUAL = "usual"  # with its length, and declared as a file
    BARE = "bare"  # with its length alone
    CHUNKED = "chunked"
    ENDLESS = "endless"  # without a length: the connection ends behind it


class FeatureForm(Enum):
    """How `GET /entity` lists the features that are switched on."""

    NAMES = "names"
    OBJECTS = "objects"  # all, each with whether it is on


class StatForm(Enum):
    """What the cookie `requeststat` says that a request has taken."""

    MISSING = "missing"
    WORK = "work"  # what it was worked on
    WHOLE = "whole"  # the time in the queue of the licence as well
    TWICE = "twice"  # the cookie comes twice, first with nothing
    GARBLED = "garbled"
    ZERO = "zero"
    SMALL = "small"  # a few milliseconds, whatever it was
    HOUR = "hour"  # more than has passed
