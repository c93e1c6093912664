"""The PostgreSQL port: texts of a known user, and bytes of anybody.

QUERIES: (what, user, statement, SQLSTATEs of which one must come[, why not today]); "00000" means that rows come.
BYTES: (what, how far to log in first, bytes, what must be in the answer; "" means that the connection just ends[, why not])"""

import collections
import struct

OUTGROWS = "the result of a scalar function can outgrow its arguments without bound"
Query = collections.namedtuple("Query", "what user text states known", defaults=[""])
QUERIES = [
    ("COPY to a file", "analyst", "COPY commits TO '/tmp/x'", {"42501"}),
    ("COPY to the client", "analyst", "COPY (SELECT 1) TO STDOUT", {"42501"}),
    ("COPY from the client", "analyst", "COPY commits FROM STDIN", {"42501", "25006"}),
    ("SET of the engine", "analyst", "SET datafusion.execution.batch_size = 1", {"42704"}),
    ("INSERT", "analyst", "INSERT INTO commits VALUES (1)", {"25006"}),
    ("UPDATE", "analyst", "UPDATE commits SET repo = 'x'", {"25006"}),
    ("DELETE", "analyst", "DELETE FROM commits", {"25006"}),
    ("CREATE TABLE", "analyst", "CREATE TABLE t (x INT)", {"25006"}),
    ("DROP TABLE", "analyst", "DROP TABLE commits", {"25006"}),
    ("EXPLAIN ANALYZE INSERT", "analyst", "EXPLAIN ANALYZE INSERT INTO commits VALUES (1)", {"25006"}),
    ("a write behind a query", "analyst", "SELECT 'first'; DROP TABLE commits", {"25006"}),
    ("PREPARE of a write", "analyst", "PREPARE p AS INSERT INTO commits VALUES (1)", {"0A000"}),
    ("LISTEN", "analyst", "LISTEN x", {"0A000", "42601", "25006"}),
    ("DO", "analyst", "DO $$ BEGIN END $$", {"0A000", "42601", "25006"}),
    ("a file as a table", "analyst", "SELECT * FROM '/etc/passwd'", {"42P01"}),
    ("repeat", "analyst", "SELECT repeat('x', 1500000000)", {"42601"}),
    ("a bad time zone", "analyst", "SET TimeZone = 'Europe/Berlin'", {"22023"}),
    ("division by zero", "analyst", "SELECT 1 / 0", {"22012"}),
    ("an unknown column", "analyst", "SELECT nothing FROM commits", {"42703"}),
    ("an unknown table", "analyst", "SELECT * FROM nothing", {"42P01"}),
    ("a bad moment", "analyst", "SELECT * FROM review_load(as_of => 'soon')", {"22023"}),
    ("an unknown parameter", "analyst", "SELECT * FROM review_load(moment => '2026-02-01')", {"42883"}),
    ("a typing error", "analyst", "SELEC 1", {"42601"}),
    ("a text of 20 kB", "analyst", "SELECT 1" + " " * 20_000 + ", 2", {"54000", "54001", "42601", "53400"}),
    ("a chain of 2,000 OR", "analyst", "SELECT 1 WHERE 1 = 1" + " OR 1 = 1" * 1500, {"54001", "42601", "54000"}),
    ("5,000 brackets", "analyst", "SELECT " + "(" * 5000 + "1" + ")" * 5000, {"54001", "42601", "54000"}),
    ("a cross join", "analyst", "SELECT count(*) FROM tickets a, tickets b, tickets c, tickets d, tickets e WHERE a.seq + b.seq + c.seq + d.seq + e.seq = 7", {"57014"}),
    ("an endless recursion", "analyst", "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n", {"57014", "42601"}),
    ("string_agg of a cross join", "analyst", "SELECT string_agg(a.event_id || b.event_id, '') FROM tickets a, tickets b, tickets c", {"57014", "53200"}),
    ("more rows than allowed", "analyst", "SELECT a.event_id FROM tickets a, tickets b", {"54000", "53400", "57014"}),
    ("pg_sleep", "analyst", "SELECT pg_sleep(100)", {"42883"}),
    ("pg_read_file", "analyst", "SELECT pg_read_file('/etc/passwd')", {"42883"}),
    ("pg_terminate_backend", "analyst", "SELECT pg_terminate_backend(1)", {"42883"}),
    ("lo_import", "analyst", "SELECT lo_import('/etc/passwd')", {"42883"}),
    ("dblink", "analyst", "SELECT * FROM dblink('host=127.0.0.1', 'SELECT 1') AS t(x int)", {"42883", "42601", "42P01"}),
    ("the passwords", "analyst", "SELECT rolpassword FROM pg_authid", {"42P01", "42501", "42703", "00000"}),
    ("a reader and a table", "reader", "SELECT * FROM commits", {"42501"}),
    ("a reader and a view", "reader", "SELECT * FROM change", {"42501"}),
    ("a reader and people", "reader", "SELECT * FROM reviewer_load", {"42501"}),
    ("a reader and people in the past", "reader", "SELECT * FROM reviewer_load(as_of => '2026-02-01')", {"42501"}),
    ("a reader and a table in a subquery", "reader", "SELECT (SELECT count(*) FROM commits)", {"42501"}),
    ("a reader and a table in a CTE", "reader", "WITH c AS (SELECT * FROM commits) SELECT count(*) FROM c", {"42501"}),
    ("a reader and EXPLAIN of a table", "reader", "EXPLAIN SELECT * FROM commits", {"42501"}),
    ("a reader and another schema", "reader", "SELECT * FROM public.commits", {"42501"}),
    ("a reader and list_resize", "reader", "SELECT cardinality(list_resize(make_array(1), 400000000))", {"42601", "42501", "53200", "42883"}, OUTGROWS),
    ("a reader and replace", "reader", "SELECT length(replace(replace('" + "a" * 4000 + "', 'a', '" + "b" * 2000 + "'), 'b', '" + "c" * 200 + "'))", {"42601", "53200", "57014", "42501"}, OUTGROWS),
]
QUERIES = [Query(*case) for case in QUERIES]


def message(kind, body, length=None):
    return kind + struct.pack(">I", len(body) + 4 if length is None else length) + body


def startup(*pairs, version=196608):
    body = struct.pack(">I", version) + b"".join(text.encode() + b"\0" for text in pairs) + b"\0"
    return struct.pack(">I", len(body) + 4) + body


SSL, GSS = struct.pack(">II", 8, 80877103), struct.pack(">II", 8, 80877104)
SELECT = message(b"Q", b"SELECT 1\0")
TWO_PARSES = message(b"P", b"s\0SELECT 1\0\0\0") * 2
BYTES = [
    ("nothing at all", "", b"", ""),
    ("HTTP", "", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ""),
    ("zeros", "", b"\0" * 100, ""),
    ("a first packet of 64 MiB", "", struct.pack(">II", 64 << 20, 196608), "54000"),
    ("a first packet of 2^31", "", struct.pack(">II", 1 << 31, 196608), ""),
    ("a first packet of length 0", "", struct.pack(">II", 0, 196608), ""),
    ("a first packet of length 4", "", struct.pack(">I", 4), ""),
    ("protocol 2.0", "", startup("user", "analyst", version=131072), "FATAL"),
    ("protocol 99", "", startup("user", "analyst", version=99 << 16), "FATAL"),
    ("no user", "", startup("database", "plimsoll"), "FATAL|SCRAM"),
    ("a user without an end", "", startup("user")[:-1], ""),
    ("a user that is not UTF-8", "", startup("user", "analyst").replace(b"analyst", b"anal\xff\xfet"), ""),
    ("1,000 settings", "", startup("user", "analyst", *[text for n in range(1000) for text in (f"k{n}", "v")]), ""),
    ("an unknown user", "", startup("user", "nobody") + message(b"p", b"x\0"), "FATAL"),
    ("a replication connection", "", startup("user", "analyst", "replication", "true") + SELECT, "FATAL"),
    ("SSLRequest, a thousand times", "", SSL * 1000, ""),
    ("GSSENCRequest, a thousand times", "", GSS * 1000, ""),
    ("SSLRequest with plain text behind it", "", SSL + startup("user", "analyst") + SELECT, ""),
    ("a cancel request with another key", "", struct.pack(">IIII", 16, 80877102, 1, 7), ""),
    ("a cancel request cut short", "", struct.pack(">II", 16, 80877102), ""),
    ("a cancel request that is too long", "", struct.pack(">II", 400, 80877102) + b"\0" * 392, ""),
    ("a query before the password", "named", SELECT, "FATAL"),
    ("a Parse before the password", "named", message(b"P", b"s\0SELECT 1\0\0\0"), "FATAL"),
    ("no password", "named", b"", ""),
    ("a wrong mechanism", "named", message(b"p", b"PLAIN\0" + struct.pack(">I", 1) + b"x"), "FATAL"),
    ("a first message that is no SCRAM", "named", message(b"p", b"SCRAM-SHA-256\0" + struct.pack(">I", 4) + b"nope"), "FATAL"),
    ("a SCRAM message without a length", "named", message(b"p", b"SCRAM-SHA-256\0"), "FATAL"),
    ("a SCRAM length of -2", "named", message(b"p", b"SCRAM-SHA-256\0" + struct.pack(">i", -2) + b"n,,n=,r=abc"), "FATAL"),
    ("a password message of 1 GiB", "named", message(b"p", b"", 1 << 30), "54000"),
    ("a query of 1 GiB", "in", message(b"Q", b"", 1 << 30), "54000"),
    ("a query of 2 MiB", "in", message(b"Q", b"SELECT '" + b"x" * (2 << 20) + b"'\0"), "54000"),
    ("a length of 0", "in", b"Q" + struct.pack(">I", 0), "FATAL"),
    ("a length of 3", "in", b"Q" + struct.pack(">I", 3), "FATAL"),
    ("a negative length", "in", b"Q" + struct.pack(">i", -1), "FATAL"),
    ("an unknown message", "in", message(b"?", b"abc"), "FATAL"),
    ("a query without its end", "in", message(b"Q", b"SELECT 1"), "ERROR|FATAL"),
    ("a query that is not UTF-8", "in", message(b"Q", b"SELECT '\xff\xfe'\0"), "22021|FATAL", "a text that is not UTF-8 is taken"),
    ("an empty query", "in", message(b"Q", b"\0") + message(b"X", b""), "I"),
    ("Bind of nothing", "in", message(b"B", b"\0no such\0\0\0\0\0\0\0") + message(b"S", b"") + message(b"X", b""), "ERROR"),
    ("Bind cut short", "in", message(b"B", b"\0") + message(b"S", b"") + message(b"X", b""), "ERROR|FATAL"),
    ("Bind with 32,767 values that are not there", "in", message(b"P", b"s\0SELECT $1\0\0\0") + message(b"B", b"\0s\0\0\0\x7f\xff") + message(b"S", b"") + message(b"X", b""), "ERROR|FATAL"),
    ("Bind with a value of length -2", "in", message(b"P", b"s\0SELECT $1::text\0\0\0") + message(b"B", b"\0s\0\0\0\0\1" + struct.pack(">i", -2) + b"\0\0") + message(b"E", b"\0\0\0\0\0") + message(b"S", b"") + message(b"X", b""), "ERROR|FATAL", "a length of -2 is taken for NULL"),
    ("Bind with a value of 1 GiB", "in", message(b"P", b"s\0SELECT $1::text\0\0\0") + message(b"B", b"\0s\0\0\0\0\1" + struct.pack(">i", 1 << 30) + b"\0\0") + message(b"S", b"") + message(b"X", b""), "ERROR|FATAL"),
    ("a format that is none", "in", message(b"P", b"s\0SELECT $1::text\0\0\0") + message(b"B", b"\0s\0\0\1\0\x09\0\1" + struct.pack(">i", 1) + b"a\0\0") + message(b"S", b"") + message(b"X", b""), "ERROR|FATAL", "an unknown format code is taken"),
    ("Parse twice under one name", "in", TWO_PARSES + message(b"S", b"") + message(b"X", b""), "ERROR", "a second Parse under one name replaces the first"),
    ("Parse of two statements", "in", message(b"P", b"s\0SELECT 1; SELECT 2\0\0\0") + message(b"S", b"") + message(b"X", b""), "ERROR"),
    ("Parse with 32,767 types", "in", message(b"P", b"s\0SELECT 1\0\x7f\xff") + message(b"S", b"") + message(b"X", b""), "ERROR|FATAL"),
    ("Describe of an unknown kind", "in", message(b"D", b"Zx\0") + message(b"S", b"") + message(b"X", b""), "ERROR|FATAL"),
    ("Describe of nothing", "in", message(b"D", b"") + message(b"S", b"") + message(b"X", b""), "ERROR|FATAL"),
    ("Execute of nothing", "in", message(b"E", b"no such\0\0\0\0\0") + message(b"S", b"") + message(b"X", b""), "ERROR"),
    ("Close of nothing", "in", message(b"C", b"Sno such\0") + message(b"S", b"") + message(b"X", b""), "3"),
    ("CopyData out of nowhere", "in", message(b"d", b"abc") + message(b"X", b""), ""),
    ("a function call", "in", message(b"F", b"\0\0\0\1\0\0\0\0\0\0") + message(b"X", b""), "ERROR|FATAL"),
    ("another password message", "in", message(b"p", b"abc\0") + message(b"X", b""), ""),
    ("300 prepared statements", "in", b"".join(message(b"P", b"s%d\0SELECT 1\0\0\0" % n) for n in range(300)) + message(b"S", b"") + message(b"X", b""), "ERROR"),
    ("300 portals", "in", message(b"P", b"s\0SELECT 1\0\0\0") + b"".join(message(b"B", b"p%d\0s\0\0\0\0\0\0\0" % n) for n in range(300)) + message(b"S", b"") + message(b"X", b""), "ERROR"),
    ("10,000 Syncs", "in", message(b"S", b"") * 10_000 + message(b"X", b""), "Z"),
]
