"""Configuration, catalogue, files of people, archives and the command line.

(what, arguments, {file: content}, exit codes, words of stderr or stdout[, why it is not as expected today]). The data
directory is new and empty for each. A content that is a list is a command instead, run in the folder of the files.
`serve` must refuse, so it is given an address; a serve that goes on is killed, and counts as exit code None."""

SERVE = ["serve", "--listen", "127.0.0.1:0"]
AT = "2026-02-01T10:00:00Z"


def config(what, text, words, codes=(2,), known="", arguments=SERVE, **files):
    return (f"configuration: {what}", arguments, {"plimsoll.toml": text} | files, codes, words, known)


CONFIG = [
    config("an unknown key", "[http]\nno_such = 1\n", "no_such"),
    config("an unknown section", "[no_such]\na = 1\n", "no_such"),
    config("a key of the wrong type", "[http]\nlisten = 1\n", "plimsoll.toml:2"),
    config("a number out of bounds", "[limits]\nsql_timeout_ms = 1\n", "sql_timeout_ms"),
    config("2^63", "[limits]\nsql_memory_bytes = 9223372036854775808\n", "sql_memory_bytes", known="2^63 panics"),
    config("a negative number", "[limits]\nevents_max = -1\n", "plimsoll.toml:2"),
    config("a number as a text", "[limits]\nevents_max = \"10\"\n", "plimsoll.toml:2"),
    config("a key twice", "[http]\nlisten = \"127.0.0.1:0\"\nlisten = \"127.0.0.1:0\"\n", "plimsoll.toml:3"),
    config("no TOML", "{\"http\": 1}", "plimsoll.toml"),
    config("bytes that are not UTF-8", b"[http]\nlisten = \"\xff\"\n", "plimsoll.toml"),
    config("NUL", b"[http]\nlisten = \"\0\"\n", "plimsoll.toml"),
    config("a folder", ["mkdir plimsoll.toml"], "plimsoll.toml"),
    config("10,000 brackets", "x = " + "[" * 10_000, "plimsoll.toml"),
    config("an address beyond loopback", "", "127.0.0.1", arguments=["serve", "--listen", "0.0.0.0:0"]),
    config("an IPv6 address beyond loopback", "", "", arguments=["serve", "--listen", "[::]:0"]),
    config("an address that is none", "", "listen", arguments=["serve", "--listen", "here"]),
    config("a port beyond 65535", "", "", arguments=["serve", "--listen", "127.0.0.1:70000"]),
    config("a secret that is not there", "[webhooks.github]\nsecret = \"file:no-such\"\n", "webhooks.github.secret"),
    config("a secret that is written out", "[webhooks.github]\nsecret = \"hunter2\"\n", "webhooks.github.secret"),
    config("an empty secret", "[webhooks.github]\nsecret = \"file:empty\"\n", "webhooks.github.secret", empty=""),
    config("a secret in a variable that is not set", "[webhooks.github]\nsecret = \"env:NO_SUCH\"\n", "webhooks.github.secret"),
    config("a secret that never ends", "[webhooks.github]\nsecret = \"file:/dev/zero\"\n", "webhooks.github.secret", known="/dev/zero is read without end"),
    config("a secret that is a folder", "[webhooks.github]\nsecret = \"file:.\"\n", "webhooks.github.secret"),
    config("a pseudonym key that is not there", "[people]\npseudonyms = \"file:no-such\"\n", "people.pseudonyms"),
    config("a visibility that is none", "[people]\nvisibility = \"everybody\"\n", "everybody"),
    config("a token without a hash", "[[tokens]]\nname = \"a\"\nscopes = [\"read\"]\n", "hash"),
    config("a token's hash that is none", "[[tokens]]\nname = \"a\"\nhash = \"zz\"\nscopes = [\"read\"]\n", "hash"),
    config("an unknown scope", "[[tokens]]\nname = \"a\"\nhash = \"" + "0" * 64 + "\"\nscopes = [\"root\"]\n", "root"),
    config("a TLS certificate without a key", "[postgres]\nlisten = \"127.0.0.1:0\"\ntls_certificate = \"cert\"\n[[postgres.users]]\nname = \"a\"\npassword = \"file:key\"\nscopes = [\"read\"]\n", "tls", cert="x", key="y"),
    config("a TLS certificate that is none", "[postgres]\nlisten = \"127.0.0.1:0\"\ntls_certificate = \"cert\"\ntls_key = \"key\"\n[[postgres.users]]\nname = \"a\"\npassword = \"file:key\"\nscopes = [\"read\"]\n", "tls", cert="x", key="y"),
    config("PostgreSQL beyond loopback without TLS", "[postgres]\nlisten = \"0.0.0.0:0\"\n[[postgres.users]]\nname = \"a\"\npassword = \"file:key\"\nscopes = [\"read\"]\n", "postgres", key="y"),
    config("a PostgreSQL user without a password", "[postgres]\nlisten = \"127.0.0.1:0\"\n[[postgres.users]]\nname = \"a\"\nscopes = [\"read\"]\n", "password"),
    config("a written password", "[postgres]\nlisten = \"127.0.0.1:0\"\n[[postgres.users]]\nname = \"a\"\npassword = \"hunter2\"\nscopes = [\"read\"]\n", "password"),
    config("a written password, checked", "[postgres]\nlisten = \"127.0.0.1:0\"\n[[postgres.users]]\nname = \"a\"\npassword = \"hunter2\"\nscopes = [\"read\"]\n", "password", codes=(1, 2), arguments=["check"], known="check passes a written password"),
    config("a format for a topic that is not read", "[kafka.formats]\n\"x\" = \"github\"\n", "x"),
    config("an unknown format", "[kafka]\ntopics = [\"x\"]\n[kafka.formats]\n\"x\" = \"sourcehut\"\n", "sourcehut"),
    config("a Kafka setting that keeps promises", "[kafka]\nbrokers = [\"127.0.0.1:1\"]\n[kafka.settings]\n\"auto.offset.reset\" = \"latest\"\n", "auto.offset.reset", codes=(1, 2)),
    config("a Kafka setting that is none", "[kafka]\nbrokers = [\"127.0.0.1:1\"]\n[kafka.settings]\n\"no.such\" = \"1\"\n", "no.such", codes=(1, 2)),
    config("a broker that is none", "[kafka]\nbrokers = [\"\"]\n", "brokers", codes=(1, 2)),
    config("a bad cron expression", "[[report]]\nname = \"a\"\nkind = \"weekly\"\nschedule = \"soon\"\n[[report.to]]\nvia = \"folder\"\nname = \"a\"\npath = \"/tmp\"\n", "schedule"),
    config("a bad time zone", "[[report]]\nname = \"a\"\nkind = \"weekly\"\nschedule = \"0 8 * * MON\"\ntimezone = \"Mars/Base\"\n[[report.to]]\nvia = \"folder\"\nname = \"a\"\npath = \"/tmp\"\n", "Mars/Base"),
    config("an unknown way of delivery", "[[report]]\nname = \"a\"\nkind = \"weekly\"\n[[report.to]]\nvia = \"pigeon\"\nname = \"a\"\n", "pigeon"),
    config("a log filter that is none", "[log]\nfilter = \"loud=very\"\n", "filter"),
    config("a file that is not there", "", "nowhere.toml", arguments=["--config", "nowhere.toml", *SERVE]),
]



def catalogue(what, files, words, codes=(1, 2), known=""):
    return (f"catalogue: {what}", ["check"], {"plimsoll.toml": "[catalogue]\ndirs = [\"mine\"]\n"} | files, codes, words, known)


GOOD = "/*---\ntitle = \"T\"\nhelp = \"H.\"\nvalue = \"x\"\nlabels = []\n---*/\nSELECT 1 AS x\n"
CATALOGUE = [
    catalogue("a folder that is not there", {}, "mine"),
    catalogue("no front matter", {"mine/metric/a.sql": "SELECT 1"}, "a.sql"),
    catalogue("an empty file", {"mine/metric/a.sql": ""}, "a.sql"),
    catalogue("bytes that are not UTF-8", {"mine/metric/a.sql": b"\xff\xfe"}, "a.sql"),
    catalogue("10 MB of blanks", {"mine/metric/a.sql": " " * 10_000_000}, "a.sql"),
    catalogue("an unknown key", {"mine/metric/a.sql": GOOD.replace("title", "no_such = 1\ntitle")}, "a.sql"),
    catalogue("a write", {"mine/metric/a.sql": GOOD.replace("SELECT 1 AS x", "DROP TABLE tickets")}, "a.sql"),
    catalogue("two statements", {"mine/metric/a.sql": GOOD + ";SELECT 2"}, "a.sql"),
    catalogue("an unknown table", {"mine/metric/a.sql": GOOD.replace("SELECT 1 AS x", "SELECT x FROM no_such")}, "a.sql"),
    catalogue("a name with dots", {"mine/metric/..a..sql": GOOD}, "a"),
    catalogue("a name in capitals", {"mine/metric/A B.sql": GOOD}, "A B"),
    catalogue("two files for one metric", {"mine/metric/review_load.sql": GOOD, "too/metric/review_load.sql": GOOD, "plimsoll.toml": "[catalogue]\ndirs = [\"mine\", \"too\"]\n"}, "review_load"),
    catalogue("a link to a file elsewhere", {"mine/metric/keep.txt": "", "run": ["mkdir -p mine/metric", "ln -s /etc/passwd mine/metric/a.sql"]}, "a.sql"),
    catalogue("a path that leaves the folder", {"plimsoll.toml": "[catalogue]\ndirs = [\"../../../../etc\"]\n"}, "etc"),
    catalogue("a folder for a file", {"run": ["mkdir -p mine/metric/a.sql"]}, "a.sql"),
    catalogue("a chain of 2,000 OR", {"mine/metric/a.sql": GOOD.replace("SELECT 1 AS x", "SELECT 1 AS x WHERE 1 = 1" + " OR 1 = 1" * 2000)}, "a.sql"),
]


def ingest(what, kind, name, content, codes, words="", known="", more=()):
    return (f"ingest {kind}: {what}", ["ingest", kind, name, *more], {name: content}, codes, words, known)


INGEST = [
    ("ingest events: a file that is not there", ["ingest", "events", "nowhere"], {}, (1, 2), "nowhere", ""),
    ingest("a folder", "events", "here", ["mkdir here"], (0, 1, 2)),
    ingest("an empty file", "events", "e.ndjson", "", (0,)),
    ingest("no JSON", "events", "e.ndjson", "{\n", (0, 1), "truncated_json"),
    ingest("a line of 5 MiB", "events", "e.ndjson", "x" * (5 << 20), (0, 1)),
    ingest("100,000 brackets", "events", "e.ndjson", "[" * 100_000, (0, 1)),
    ingest("bytes that are not UTF-8", "events", "e.ndjson", b"\xff\n" * 10, (0, 1), "invalid_utf8"),
    ingest("gzip that is none", "events", "e.ndjson.gz", b"no gzip", (0, 1, 2)),
    ingest("gzip cut short", "events", "e.ndjson.gz", ["python3 -c \"import gzip; open('e.ndjson.gz','wb').write(gzip.compress(b'{}'*100000)[:-9])\""], (1, 2), "e.ndjson.gz"),
    ingest("a gzip bomb of one line", "events", "e.ndjson.gz", ["python3 -c \"import gzip; f=gzip.open('e.ndjson.gz','wb'); [f.write(b'x'*10**6) for _ in range(400)]\""], (0, 1, 2)),
    ingest("zstd that is none", "events", "e.ndjson.zst", b"no zstd", (0, 1, 2)),
    ("an unknown source", ["ingest", "sourcehut", "x"], {}, (2,), "sourcehut", ""),
    ("ingest git: no repository", ["ingest", "git", "here"], {"run": ["mkdir here"]}, (1, 2), "here", ""),
    ("ingest github: no token", ["ingest", "github", "acme/api"], {}, (1, 2), "", ""),
    ("ingest gitlab: an address that is none", ["ingest", "gitlab", "acme/api", "--url", "nowhere"], {}, (1, 2), "", ""),
]

ICS = "BEGIN:VCALENDAR\nVERSION:2.0\n%sEND:VCALENDAR\n"


def people(what, name, content, codes, words="", known=""):
    return (f"people import: {what}", ["people", "import", name], {name: content}, codes, words, known)


PEOPLE = [
    people("a file that is not there", "nowhere.toml", ["true"], (1, 2), "nowhere.toml"),
    people("no TOML", "people.toml", "{", (1, 2), "people.toml"),
    people("an unknown key", "people.toml", "no_such = 1\n", (1, 2), "people.toml"),
    people("bytes that are not UTF-8", "people.toml", b"\xff", (1, 2), "people.toml"),
    people("10,000 brackets", "people.toml", "x = " + "[" * 10_000, (1, 2), "people.toml"),
    people("a mailmap of brackets", ".mailmap", "<<<<>>>>\n", (0, 1, 2)),
    people("a mailmap line of 1 MiB", ".mailmap", "A <" + "a" * (1 << 20) + ">\n", (0, 1, 2)),
    people("CODEOWNERS with 10,000 owners", "CODEOWNERS", "* " + " ".join(f"@o{n}" for n in range(10_000)) + "\n", (0, 1, 2)),
    people("an .ics of 50,000 nested BEGIN", "x.ics", "BEGIN:VCALENDAR\n" + "BEGIN:VEVENT\n" * 50_000, (0, 1, 2), "", "nested BEGIN overflows the stack"),
    people("an .ics cut short", "x.ics", "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:2026", (0, 1, 2)),
    people("an .ics rule that recurs for ever", "x.ics", ICS % "BEGIN:VEVENT\nUID:1\nDTSTART:00010101\nDTEND:99991231\nRRULE:FREQ=SECONDLY\nEND:VEVENT\n", (0, 1, 2)),
]

UNNAMED = "an error of the data directory names no path"
EVENT = '{"specversion":"1.0","id":"a","source":"h","type":"dev.plimsoll.ticket.created.v1","time":"2026-02-01T10:00:00Z","data":{"ticket":"h"}}'
LOADED = {"e.ndjson": EVENT + "\n", "run": ["$PLIMSOLL --data data ingest events e.ndjson"]}
LINE = [
    ("no command", [], {}, (2,), "--help", ""),
    ("an unknown command", ["no-such"], {}, (2,), "no-such", ""),
    ("an unknown flag", ["serve", "--no-such"], {}, (2,), "no-such", ""),
    ("query: an unknown metric", ["query", "no_such"], {}, (1, 2), "no_such", ""),
    ("query: a bad date", ["query", "review_load", "--as-of", "soon"], {}, (1, 2), "soon", ""),
    ("query: year 0", ["query", "review_load", "--as-of", "0000-01-01"], {}, (1, 2), "0000", ""),
    ("query: an unknown format", ["query", "review_load", "--format", "exe"], {}, (2,), "exe", ""),
    ("explain: an unknown label", ["explain", "review_load", "--where", "no_such=1"], {}, (1, 2), "no_such", ""),
    ("query: what-if of no file", ["query", "review_load", "--what-if", "nowhere"], {}, (1, 2), "nowhere", ""),
    ("sql: a write", ["sql", "DROP TABLE tickets"], {}, (1, 2), "SELECT", ""),
    ("sql: nothing", ["sql", ""], {}, (1, 2), "", ""),
    ("sql: a bomb of OR", ["sql", "SELECT 1 WHERE 1 = 1" + " OR 1 = 1" * 1500], {}, (1, 2), "operators", ""),
    # A device of our own: to lose /dev/full would harm the machine.
    ("report: to a full device", ["report", "weekly", "-o", "full"], LOADED | {"run": [*LOADED["run"], "mknod full c 1 7"]}, (1,), "full", "report -o replaces device nodes"),
    ("report: into a folder that is not there", ["report", "weekly", "-o", "no/such/x.html"], LOADED, (1, 2), "no/such", ""),
    ("a data directory that is a file", ["--data", "file", "query", "review_load"], {"file": "x"}, (1, 2), "file", "exit 0 for a data directory that is a file"),
    ("a data directory in /proc", ["--data", "/proc/nowhere", "serve", "--listen", "127.0.0.1:0"], {}, (1, 2), "/proc/nowhere", UNNAMED),
    ("a data directory of /dev/null", ["--data", "/dev/null", "serve", "--listen", "127.0.0.1:0"], {}, (1, 2), "/dev/null", UNNAMED),
    ("replay: no file", ["replay", "review_load", "--against", "nowhere.sql"], {}, (1, 2), "nowhere.sql", ""),
    ("diff: no moment", ["diff", "review_load"], {}, (2,), "", ""),
    ("token: an unknown scope", ["token", "new", "a", "--scope", "root"], {}, (2,), "", ""),
    ("people erase: nobody", ["people", "erase", "nobody-at-all", "--yes"], LOADED, (0, 1, 2), "nobody-at-all", ""),
    ("health: no server", ["health"], {}, (1,), "", ""),
]
CASES = CONFIG + CATALOGUE + INGEST + PEOPLE + LINE
