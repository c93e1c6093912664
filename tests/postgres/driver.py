"""What psycopg 3 does with a server: bound values of its types, transactions, prepared statements, cancelling.

Usage: driver.py POSTGRES_DSN. An assertion that fails is the message.
"""

import datetime
import sys
import threading
import time

import psycopg

UTC = datetime.timezone.utc


def one(connection, query, parameters=None):
    return connection.execute(query, parameters).fetchone()


def bound_values(connection):
    moment = datetime.datetime(2026, 2, 1, 9, 30, tzinfo=UTC)
    assert one(connection, "SELECT %s::timestamptz", [moment]) == (moment,)
    assert one(connection, "SELECT %s + 1", [41]) == (42,)
    assert one(connection, "SELECT %s::text || 'b'", ["a'; DROP TABLE commits; --"]) == ("a'; DROP TABLE commits; --b",)
    assert one(connection, "SELECT %s::boolean AND true", [True]) == (True,)
    assert one(connection, "SELECT %s::double precision / 2", [1.5]) == (0.75,)
    assert one(connection, "SELECT %s::text IS NULL", [None]) == (True,)
    count = "SELECT count(*) FROM change WHERE opened_at >= %s AND repo = %s"
    (since,) = one(connection, count, [moment, "acme/core"])
    (as_text,) = one(connection, count, ["2026-02-01 09:30:00Z", "acme/core"])
    (binary,) = connection.execute(count, [moment, "acme/core"], binary=True).fetchone()
    assert since == as_text == binary, (since, as_text, binary)
    # A value among the arguments of a metric, and one inside an expression.
    by_value = "SELECT count(*) FROM review_load(as_of => %s)"
    (whole,) = one(connection, by_value, [moment])
    (earlier,) = one(connection, "SELECT count(*) FROM review_load(as_of => %s::timestamptz - interval '1 day')", [moment + datetime.timedelta(days=1)])
    assert whole == earlier, (whole, earlier)


def transactions(connection):
    with connection.transaction():
        assert one(connection, "SELECT 1") == (1,)
    try:
        with connection.transaction():
            connection.execute("SELECT nothing_of_that_name")
        raise AssertionError("an unknown column is an error")
    except psycopg.errors.UndefinedColumn:
        pass
    connection.execute("BEGIN")
    for _ in range(2):
        try:
            connection.execute("SELECT 1 FROM no_such_table")
            raise AssertionError("an unknown table is an error")
        except (psycopg.errors.UndefinedTable, psycopg.errors.InFailedSqlTransaction) as error:
            last = error
    assert isinstance(last, psycopg.errors.InFailedSqlTransaction), last
    connection.execute("ROLLBACK")
    assert one(connection, "SELECT 1") == (1,)


def many_statements(connection):
    """More prepared statements than a connection keeps: the excess is refused, and the connection lives."""
    kept = refused = 0
    for index in range(10_000):
        name = f"s{index}".encode()
        result = connection.pgconn.prepare(name, b"SELECT 1")
        if result.error_message:
            assert b"at most" in result.error_message, result.error_message
            refused += 1
            if refused == 50:
                break
        else:
            kept += 1
    assert kept and refused == 50, (kept, refused)
    connection.execute("DEALLOCATE ALL")
    assert not connection.pgconn.prepare(b"again", b"SELECT 1").error_message
    return kept


def cancelled(connection, slow):
    """A cancel request with the right key stops a query long before its time."""
    began = time.monotonic()
    threading.Timer(0.5, connection.cancel).start()
    try:
        connection.execute(slow)
        raise AssertionError("the query ended by itself")
    except psycopg.errors.QueryCanceled as error:
        assert "user request" in str(error), error
    assert one(connection, "SELECT 1") == (1,)
    return time.monotonic() - began


def main():
    (dsn,) = sys.argv[1:]
    with psycopg.connect(dsn, autocommit=True) as connection:
        assert connection.info.server_version >= 160000
        bound_values(connection)
        transactions(connection)
        kept = many_statements(connection)
        slow = "SELECT count(*) FROM commits a, commits b, commits c, commits d WHERE a.seq + b.seq + c.seq + d.seq = 1"
        seconds = cancelled(connection, slow)
    print(f"{kept} statements kept, cancelled after {seconds:.1f} s")


main()
