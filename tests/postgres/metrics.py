"""Every metric over the PostgreSQL protocol against its HTTP route: at now, at a past moment, over a range.

Usage: metrics.py HTTP_PORT POSTGRES_DSN. Exits with 1 and says what differs.
"""

import datetime
import decimal
import json
import sys
import urllib.parse
import urllib.request

import psycopg
from psycopg import sql

AS_OF = "2026-02-10T12:00:00Z"
FROM, TO, STEP = "2026-02-01T00:00:00Z", "2026-02-10T00:00:00Z", "3d"


def over_http(port, path, **query):
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def plain(value):
    """A value of either side as one that can be compared."""
    match value:
        case datetime.datetime():
            return value.astimezone(datetime.timezone.utc)
        case datetime.date():
            return value.isoformat()
        case decimal.Decimal() | int() if not isinstance(value, bool):
            return float(value)
        case str() if len(value) >= 20 and value[4] == "-" and value[-1] == "Z":
            return datetime.datetime.fromisoformat(value)
        case list():
            return [plain(item) for item in value]
        # The driver does not know the types inside a struct and gives its parts as text.
        case tuple():
            return [None if item is None else str(item) for item in value]
        case dict():
            return [None if item is None else str(item) for item in value.values()]
        case _:
            return value


def compare(cursor, name, query, parameters, answer):
    cursor.execute(query, parameters)
    columns = [column.name for column in cursor.description]
    if columns != answer["columns"]:
        return [f"{name}: columns {columns}, over http {answer['columns']}"]
    here = [[plain(value) for value in row] for row in cursor.fetchall()]
    there = [[plain(row[column]) for column in columns] for row in answer["rows"]]
    if len(here) != len(there):
        return [f"{name}: {len(here)} rows, over http {len(there)}"]
    return [
        f"{name}: {column} is {a!r}, over http {b!r}"
        for row, other in zip(here, there)
        for column, a, b in zip(columns, row, other)
        if a != b
    ]


def main():
    port, dsn = sys.argv[1:]
    catalogue = over_http(port, "metrics")["metrics"]
    differ, rows = [], 0
    with psycopg.connect(dsn, autocommit=True) as connection, connection.cursor() as cursor:
        for metric in catalogue:
            name = metric["name"]
            table = sql.Identifier(name)
            at = over_http(port, f"metrics/{name}", as_of=AS_OF, known_at=AS_OF)
            rows += len(at["rows"])
            call = sql.SQL("SELECT * FROM {}(as_of => %s, known_at => %s)").format(table)
            moment = datetime.datetime.fromisoformat(AS_OF)
            differ += compare(cursor, f"{name} at", call, [AS_OF, moment], at)
            literal = sql.SQL("SELECT * FROM {}({}, {})").format(table, sql.Literal(AS_OF), sql.Literal(AS_OF))
            differ += compare(cursor, f"{name} by position", literal, None, at)
            if "as_of" not in at["columns"]:
                over = over_http(port, f"metrics/{name}/range", **{"from": FROM, "to": TO, "step": STEP, "known_at": AS_OF})
                call = sql.SQL(
                    "SELECT * FROM public.{}(from => %s, to => %s::timestamptz, step => %s, known_at => %s)"
                ).format(table)
                differ += compare(cursor, f"{name} over a range", call, [FROM, TO, STEP, AS_OF], over)
            cursor.execute(sql.SQL("SELECT * FROM {}").format(table))
            if [column.name for column in cursor.description] != at["columns"]:
                differ.append(f"{name}: a view has other columns than its function")
    print(f"{len(catalogue)} metrics, {rows} rows at {AS_OF}")
    for line in differ:
        print(line, file=sys.stderr)
    sys.exit(bool(differ) or not rows)


main()
