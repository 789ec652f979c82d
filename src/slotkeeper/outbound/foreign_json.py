"""JSON that somebody else wrote."""

import msgspec

# What decoding raises for a body that is not the JSON it should be: cut, of other types, not UTF-8, nested without end.
NO_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
