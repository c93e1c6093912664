"""Records that cannot be read, as data: (what, reasons of which one must be given, value, headers, key)."""

import events

AT = "2026-02-01T10:00:00Z"
GOOD = events.event("bad", "change.opened", AT, {"repo": "acme/bad", "change": "1", "author": "ada"}).value


def but(old, new):
    """The good event with something replaced."""
    old, new = (text if isinstance(text, bytes) else text.encode() for text in (old, new))
    assert old in GOOD, old
    return GOOD.replace(old, new)


def field(text):
    """The good event with one more field in its data."""
    return but('"author":"ada"', b'"author":"ada",' + (text if isinstance(text, bytes) else text.encode()))


NUMBER = ("number_out_of_range", "bad_field")
VALUES = [
    ("an empty value", ("empty_value",), b""),
    ("bytes that are not UTF-8", ("invalid_utf8",), but("ada", b"a\xffa")),
    ("JSON that ends too early", ("truncated_json",), GOOD[:-9]),
    ("10,000 brackets", ("too_deep",), field('"extra":' + "[" * 10_000 + "]" * 10_000)),
    ("10,000 objects", ("too_deep",), field('"extra":' + '{"a":' * 10_000 + "1" + "}" * 10_000)),
    ("a key twice", ("duplicate_key",), field('"author":"bo"')),
    ("the integer 2^64", NUMBER, field('"additions":18446744073709551616')),
    ("the integer -2^63 - 1", NUMBER, field('"additions":-9223372036854775809')),
    ("1e999", NUMBER, field('"additions":1e999')),
    ("an integer of 10,000 digits", NUMBER, field('"additions":' + "9" * 10_000)),
    ("NaN", ("invalid_json",), field('"additions":NaN')),
    ("half a surrogate pair", ("lone_surrogate",), field('"title":"\\ud800"')),
    ("U+0000 in a string", ("nul_in_string",), field('"title":"a\\u0000b"')),
    ("a raw control character", ("invalid_json",), field(b'"title":"a\x01b"')),
    ("an unknown version", ("unknown_version",), but("opened.v1", "opened.v9")),
    ("an id that is an array", ("bad_attribute",), but('"id":"bad"', '"id":["bad"]')),
    ("an id that is null", ("bad_attribute", "missing_attribute"), but('"id":"bad"', '"id":null')),
    ("an empty id", ("bad_attribute", "missing_attribute"), but('"id":"bad"', '"id":""')),
    ("no id", ("missing_attribute",), but('"id":"bad",', "")),
    ("another specversion", ("bad_attribute",), but('"specversion":"1.0"', '"specversion":"0.3"')),
    ("the year 0", ("bad_time",), but(AT, "0000-02-01T10:00:00Z")),
    ("the year 10000", ("bad_time",), but(AT, "10000-02-01T10:00:00Z")),
    ("30 February", ("bad_time",), but(AT, "2026-02-30T10:00:00Z")),
    ("no time zone", ("bad_time",), but(AT, "2026-02-01T10:00:00")),
    ("yesterday", ("bad_time", "bad_attribute"), but(AT, "yesterday")),
    ("a byte order mark", ("byte_order_mark",), b"\xef\xbb\xbf" + GOOD),
    ("something behind the event", ("trailing_garbage",), GOOD + b" x"),
    ("two events", ("trailing_garbage",), GOOD + GOOD),
    ("single quotes", ("invalid_json",), b"{'single': 'quotes'}"),
    ("an array", ("not_an_event",), b"[1, 2, 3]"),
    ("a string", ("not_an_event",), b'"event"'),
    ("a number", ("not_an_event",), b"17"),
    ("no change", ("missing_field",), but('"change":"1",', "")),
    ("a draft that is a string", ("bad_field",), field('"draft":"perhaps"')),
    ("labels that are no list", ("bad_field",), field('"labels":"security"')),
    ("a value of 2 MiB", ("value_too_large",), field('"title":"' + "x" * (2 << 20) + '"')),
]
POISON = [(what, reasons, value, (), b"acme/bad/1") for what, reasons, value in VALUES]
POISON += [
    ("a key of 1 MiB", ("key_too_large",), GOOD, (), b"k" * (1 << 20)),
    ("5,000 headers", ("headers_too_large",), GOOD, [(f"header-{n}", b"h" * 64) for n in range(5000)], b"k"),
    ("binary mode without an id", ("missing_attribute",), b"{}", [("ce_specversion", b"1.0"), ("ce_type", b"x")], b"k"),
    ("a header that is not UTF-8", ("bad_attribute", "invalid_utf8"), b"{}", [("ce_specversion", b"1.0"), ("ce_id", b"\xff"), ("ce_type", b"dev.plimsoll.change.opened.v1"), ("ce_source", b"s"), ("ce_time", AT.encode())], b"k"),
]
