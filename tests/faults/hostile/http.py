"""HTTP: paths, parameters, headers, bodies, connections."""

from poison import POISON
from hostile.case import Http, Raw

EVENT = '{"specversion":"1.0","id":"%s","source":"h","type":"dev.plimsoll.ticket.created.v1","time":"2026-02-01T10:00:00Z","data":{"ticket":"h"}}'
ONE, BATCH = {"Content-Type": "application/cloudevents+json"}, {"Content-Type": "application/cloudevents-batch+json"}
METRIC = "/api/v1/metrics/review_load"


def get(what, expect, path, **more):
    return Http(what, expect, path, **more)


def post(what, expect, body, headers=BATCH, path="/api/v1/events", **more):
    return Http(what, expect, path, body, headers=headers, **more)


PARAMETERS = [
    get("unknown metric", 404, "/api/v1/metrics/no_such", words="no_such"),
    get("a path as a metric", 404, "/api/v1/metrics/..%2f..%2fetc%2fpasswd"),
    get("a quote as a metric", 404, "/api/v1/metrics/'%20OR%20'1'='1"),
    get("NUL as a metric", (400, 404), "/api/v1/metrics/%00"),
    get("bytes that are not UTF-8 as a metric", (400, 404), "/api/v1/metrics/%ff%fe"),
    get("a metric of 8,000 letters", (404, 414), "/api/v1/metrics/" + "a" * 8000),
    get("as_of: yesterday", 400, METRIC + "?as_of=yesterday", words="as_of"),
    get("as_of: 30 February", 400, METRIC + "?as_of=2026-02-30", words="as_of"),
    get("as_of: year 0", 400, METRIC + "?as_of=0000-01-01T00:00:00Z", words="as_of"),
    get("as_of: year 99999", 400, METRIC + "?as_of=99999-01-01T00:00:00Z", words="as_of"),
    get("as_of: NUL", 400, METRIC + "?as_of=%00"),
    get("as_of: empty", 400, METRIC + "?as_of="),
    get("as_of twice", 400, METRIC + "?as_of=2026-02-01&as_of=2026-02-02", words="as_of"),
    get("as_of: a number of 30 digits", 400, METRIC + "?as_of=" + "9" * 30),
    get("as_of: a bad zone", 400, METRIC + "?as_of=2026-02-01T00:00:00%2B99:00"),
    get("known_at: tomorrow-ish", 400, METRIC + "?known_at=soon", words="known_at"),
    get("an unknown parameter", 400, METRIC + "?no_such=1", words="no_such"),
    get("an unknown parameter of 4,000 letters", 400, METRIC + "?" + "x" * 4000 + "=1"),
    get("1,000 parameters", 400, METRIC + "?" + "&".join(f"p{n}=1" for n in range(1000))),
    get("team: NUL", 400, METRIC + "?team=%00"),
    get("team: not UTF-8", 400, METRIC + "?team=%ff"),
    get("team: a quote", 200, METRIC + "?team='%20OR%201=1--"),
    get("team: 8,000 letters", (200, 400, 414), METRIC + "?team=" + "x" * 8000),
    get("format: xml", 400, METRIC + "?format=xml", words="format"),
    get("a percent sign alone", (200, 400), METRIC + "?team=%"),
    get("window_days: 2^63", 400, "/api/v1/metrics/review_concentration?window_days=9223372036854775808"),
    get("window_days: 0", 400, "/api/v1/metrics/review_concentration?window_days=0"),
    get("window_days: -1", 400, "/api/v1/metrics/review_concentration?window_days=-1"),
    get("window_days: 1e3", 400, "/api/v1/metrics/review_concentration?window_days=1e3"),
    get("window_days: NaN", 400, "/api/v1/metrics/review_concentration?window_days=NaN"),
    get("range: from after to", 400, METRIC + "/range?from=2026-02-01&to=2026-01-01&step=1d"),
    get("range: 10,000 years", 400, METRIC + "/range?from=0001-01-01&to=9999-01-01&step=1h"),
    get("range: step 0", 400, METRIC + "/range?from=2026-01-01&to=2026-02-01&step=0d", words="step"),
    get("range: step -1d", 400, METRIC + "/range?from=2026-01-01&to=2026-02-01&step=-1d", words="step"),
    get("range: step 1", 400, METRIC + "/range?from=2026-01-01&to=2026-02-01&step=1", words="step"),
    get("range: step of 2^63 days", 400, METRIC + "/range?from=2026-01-01&to=2026-02-01&step=9223372036854775808d"),
    get("range: a step that overflows", 400, METRIC + "/range?from=2026-01-01&to=2026-02-01&step=999999999999999w"),
    get("range: step 1s over a year", 400, METRIC + "/range?from=2025-01-01&to=2026-01-01&step=1s"),
    get("range: no from", 400, METRIC + "/range?step=1d", words="from"),
    get("explain: limit 2^63", 400, METRIC + "/explain?limit=9223372036854775808", words="limit"),
    get("explain: limit -1", 400, METRIC + "/explain?limit=-1", words="limit"),
    get("explain: limit 0", (200, 400), METRIC + "/explain?limit=0"),
    get("explain: unknown label", 400, METRIC + "/explain?no_such=1"),
    get("diff: no metric", 400, "/api/v1/diff?from=2026-01-01", words="metric"),
    get("diff: unknown metric", 404, "/api/v1/diff?metric=no_such&from=2026-01-01"),
    get("diff: from after to", 400, "/api/v1/diff?metric=review_load&from=2026-02-01&to=2026-01-01"),
    get("diff: no from", 400, "/api/v1/diff?metric=review_load", words="from"),
    get("weekly report: week 99", 400, "/report/weekly?week=2026-W99"),
    get("weekly report: week of year 0", 400, "/report/weekly?week=0000-W01"),
    get("weekly report: format exe", 400, "/report/weekly?format=exe"),
    get("roadmap: since soon", 400, "/report/roadmap?since=soon"),
    get("a page of an unknown milestone", 404, "/milestone/no-such"),
    get("a page of a milestone with markup", 404, "/milestone/%3Cscript%3E"),
    get("a page of an unknown metric", 404, "/metric/no_such"),
    get("no such path", 404, "/no/such/path"),
    get("a path upwards", (400, 404), "/../../etc/passwd"),
    get("an encoded path upwards", (400, 404), "/%2e%2e/%2e%2e/etc/passwd"),
    get("//", (400, 404), "//evil.example/"),
    get("10,000 slashes", (400, 404, 414), "/" * 10_000),
]

METHODS = [
    Http("DELETE of a metric", 405, METRIC, method="DELETE"),
    Http("PUT of events", 405, "/api/v1/events", method="PUT"),
    Http("TRACE", 405, "/", method="TRACE"),
    Http("CONNECT", (400, 404, 405), "evil.example:443", method="CONNECT"),
    Http("OPTIONS from another origin", (404, 405, 403), METRIC, method="OPTIONS", headers={"Origin": "http://evil.example"}),
    Http("a method of 200 letters", (400, 405, 501), "/", method="X" * 200),
    Http("GET of SQL", 405, "/api/v1/sql"),
    Http("a GET with a body", (200, 400), METRIC, body=b"x" * 100, method="GET"),
]

HOSTS = [
    get("another Host", 421, METRIC, headers={"Host": "evil.example"}),
    get("an empty Host", (400, 421), METRIC, headers={"Host": ""}),
    get("a Host of 4,000 letters", (400, 421), METRIC, headers={"Host": "a" * 4000}),
    get("a Host that begins like ours", 421, METRIC, headers={"Host": "127.0.0.1.evil.example"}),
    get("a Host with user info", (400, 421), METRIC, headers={"Host": "127.0.0.1@evil.example"}),
    get("two Hosts", (400, 421), METRIC, headers=[("Host", "127.0.0.1"), ("Host", "evil.example")], known="two Host headers are taken"),
    Raw("no Host", {400, 421}, b"GET /api/v1/metrics HTTP/1.1\r\nConnection: close\r\n\r\n", known="no Host is taken"),
    Raw("an absolute target", {400, 421}, b"GET http://evil.example/api/v1/metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", known="an absolute target is taken"),
    get("a forwarded Host", (200, 403, 421), METRIC, headers={"X-Forwarded-Host": "evil.example"}),
    post("events from another site", 403, "[]", BATCH | {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}),
    post("events from the same site", 403, "[]", BATCH | {"Origin": "http://localhost:9999", "Sec-Fetch-Site": "same-site"}, known="posts of the same site on another port are taken"),
    post("events with another Origin alone", 403, "[]", BATCH | {"Origin": "http://evil.example"}, known="a foreign Origin alone is taken"),
    post("SQL from another site", 403, "SELECT 1", {"Content-Type": "text/plain", "Sec-Fetch-Site": "cross-site"}, path="/api/v1/sql"),
    post("SQL with a null Origin", 403, "SELECT 1", {"Content-Type": "text/plain", "Origin": "null"}, path="/api/v1/sql", known="a foreign Origin alone is taken"),
]

BODIES = [
    post("events: no JSON", 400, "{"),
    post("events: an empty body", 400, b"", method="POST"),
    post("events: null", 400, "null"),
    post("events: a number in the batch", 400, "[" + EVENT % "n" + ",7]"),
    post("events: a batch in a batch", 400, "[[]]"),
    post("events: one more than allowed", 413, "[" + ",".join([EVENT % "many"] * 1001) + "]"),
    post("events: a body that is too large", 413, "x" * 1_100_000),
    post("events: an announced body of 10 TB", 413, b"x", BATCH | {"Content-Length": "10000000000000"}),
    post("events: form-encoded", 415, "a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
    post("events: no content type", 415, "[]", {}),
    post("events: text/html", 415, "[]", {"Content-Type": "text/html"}),
    post("events: a content type of 4,000 letters", 415, "[]", {"Content-Type": "a" * 4000}),
    post("events: UTF-16", (400, 415), (EVENT % "u").encode("utf-16"), ONE),
    post("events: gzip", (400, 415), b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", ONE | {"Content-Encoding": "gzip"}),
    post("events: br", (400, 415), b"\x00", ONE | {"Content-Encoding": "br"}),
    post("events: 100,000 brackets", 400, "[" * 100_000),
    post("events: 100,000 objects", 400, '{"a":' * 100_000),
    post("events: a string that never ends", 400, '["' + "a" * 100_000),
    post("events: a string of 900,000 escapes", 400, '["' + "\\u0041" * 150_000 + '"]'),
    post("events: 10,000 keys", 400, "[{" + ",".join(f'"k{n}":1' for n in range(10_000)) + "}]"),
    post("what-if: no JSON", 400, "{", path=METRIC),
    post("what-if: more than allowed", (400, 413, 422), "[" + ",".join(EVENT % f"w{n}" for n in range(1001)) + "]", path=METRIC),
    post("what-if: of an unknown metric", 404, "[" + EVENT % "w" + "]", path="/api/v1/metrics/no_such"),
    post("sql: JSON without sql", 400, "{}", {"Content-Type": "application/json"}, path="/api/v1/sql"),
    post("sql: JSON with a number", 400, '{"sql":1}', {"Content-Type": "application/json"}, path="/api/v1/sql"),
    post("sql: not UTF-8", 400, b"SELECT '\xff'", {"Content-Type": "text/plain"}, path="/api/v1/sql"),
    post("sql: as XML", 415, "SELECT 1", {"Content-Type": "text/xml"}, path="/api/v1/sql"),
]
BODIES += [
    post(f"event: {what}", (400, 413), value, ONE) for what, _, value, headers, key in POISON if value and not headers and len(key) < 1000
]

TAIL = b" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
CONNECTIONS = [
    Raw("a header line of 1 MiB", {400, 431, "closed"}, b"GET /healthz" + TAIL + b"X: " + b"x" * (1 << 20) + b"\r\n\r\n"),
    Raw("5,000 headers", {400, 431, "closed"}, b"GET /healthz" + TAIL + b"".join(b"X-%d: 1\r\n" % n for n in range(5000)) + b"\r\n"),
    Raw("a target of 1 MiB", {400, 414, 431, "closed"}, b"GET /" + b"a" * (1 << 20) + TAIL + b"\r\n"),
    Raw("no HTTP at all", {400, "closed"}, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 100),
    Raw("SSH", {400, "closed"}, b"SSH-2.0-OpenSSH_9.0\r\n"),
    Raw("a Redis command", {400, "closed"}, b"*1\r\n$4\r\nPING\r\n"),
    Raw("NUL in the target", {400, "closed"}, b"GET /\0" + TAIL + b"\r\n"),
    Raw("HTTP/9.9", {400, 505, "closed"}, b"GET / HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n"),
    Raw("HTTP/1.0 without a Host", {200, 400, 421}, b"GET /healthz HTTP/1.0\r\n\r\n"),
    Raw("an HTTP/2 preface", {400, 200, 505, "closed", "silent"}, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"),
    Raw("a folded header", {400, "closed"}, b"GET /healthz" + TAIL + b"X: a\r\n b\r\n\r\n"),
    Raw("a header without a name", {400, "closed"}, b"GET /healthz" + TAIL + b": a\r\n\r\n"),
    Raw("a blank before the colon", {400, "closed"}, b"GET /healthz" + TAIL + b"X : a\r\n\r\n"),
    Raw("a header that never ends", {408, "closed"}, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", 25, "an unfinished header is never closed"),
    Raw("two lengths", {400, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n[]x"),
    Raw("a length and chunks", {400, 415, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    Raw("a negative length", {400, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Length: -2\r\n\r\n[]"),
    Raw("a length of letters", {400, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Length: two\r\n\r\n[]"),
    Raw("a length beyond 64 bits", {400, 413, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Length: 99999999999999999999\r\n\r\n"),
    Raw("a bad chunk size", {400, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Type: application/cloudevents-batch+json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n"),
    Raw("a chunk size beyond 64 bits", {400, 413, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Type: application/cloudevents-batch+json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n"),
    Raw("chunks beyond the limit", {413, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Type: application/cloudevents-batch+json\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"10000\r\n" + b" " * 65536 + b"\r\n") * 40),
    Raw("an unknown transfer encoding", {400, 415, 501, "closed"}, b"POST /api/v1/events" + TAIL + b"Transfer-Encoding: gzip\r\n\r\nx"),
    Raw("a body that does not come", {408, "closed"}, b"POST /api/v1/events" + TAIL + b"Content-Type: application/cloudevents-batch+json\r\nContent-Length: 100\r\n\r\n[", 12),
    Raw("a thousand pipelined requests", {200}, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 999 + b"GET /healthz" + TAIL + b"\r\n"),
    Raw("smuggling", {400, 415, "closed"}, b"POST /api/v1/events" + TAIL + b"Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"),
    Raw("an upgrade to a web socket", {200, 400, 426}, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n"),
    Raw("expects something", {400, 415, 417, "closed"}, b"POST /api/v1/events" + TAIL + b"Expect: the unexpected\r\nContent-Length: 0\r\n\r\n"),
]

CASES = PARAMETERS + METHODS + HOSTS + BODIES + CONNECTIONS
