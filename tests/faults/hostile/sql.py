"""SQL over HTTP, with sql_timeout_ms = 2000, sql_memory_bytes and sql_spill_bytes_max = 64 MiB, sql_rows_max = 1000.

(what, statuses, statement[, why it is not as expected today])"""

from hostile.case import Http

FIVE = ", ".join(f"tickets {name}" for name in "abcde")
DOUBLING = "WITH t0 AS (SELECT 1 AS x)" + "".join(
    f", t{n} AS (SELECT * FROM t{n - 1} UNION ALL SELECT * FROM t{n - 1})" for n in range(1, 30)
)
OUTGROWS = "the result of a scalar function can outgrow its arguments without bound"

WRITES = [
    ("INSERT", 403, "INSERT INTO tickets SELECT * FROM tickets"),
    ("UPDATE", 403, "UPDATE tickets SET title = 'x'"),
    ("DELETE", 403, "DELETE FROM tickets"),
    ("MERGE", 403, "MERGE INTO tickets USING tickets s ON true WHEN MATCHED THEN DELETE"),
    ("TRUNCATE", 403, "TRUNCATE TABLE tickets"),
    ("COPY of a table", 403, "COPY tickets TO '/tmp/plimsoll-stolen.csv'"),
    ("COPY of a query", 403, "COPY (SELECT 1) TO '/tmp/plimsoll-stolen.csv'"),
    ("CREATE TABLE", 403, "CREATE TABLE t AS SELECT 1"),
    ("CREATE VIEW", 403, "CREATE VIEW v AS SELECT 1"),
    ("CREATE EXTERNAL TABLE", 403, "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'"),
    ("CREATE FUNCTION", 403, "CREATE FUNCTION f() RETURNS INT RETURN 1"),
    ("CREATE SCHEMA", 403, "CREATE SCHEMA s"),
    ("CREATE DATABASE", 403, "CREATE DATABASE d"),
    ("DROP TABLE", 403, "DROP TABLE tickets"),
    ("DROP VIEW", 403, "DROP VIEW change"),
    ("ALTER TABLE", 403, "ALTER TABLE tickets ADD COLUMN x INT"),
    ("SET", 403, "SET datafusion.execution.batch_size = 1"),
    ("RESET", (400, 403), "RESET datafusion.execution.batch_size"),
    ("SHOW", (400, 403), "SHOW ALL"),
    ("SHOW TABLES", (400, 403), "SHOW TABLES"),
    ("DESCRIBE", (400, 403), "DESCRIBE tickets"),
    ("PREPARE", 403, "PREPARE p AS SELECT 1"),
    ("EXECUTE", 403, "EXECUTE p"),
    ("DEALLOCATE", 403, "DEALLOCATE p"),
    ("BEGIN", 403, "BEGIN"),
    ("COMMIT", 403, "COMMIT"),
    ("GRANT", 403, "GRANT ALL ON tickets TO public"),
    ("CALL", 403, "CALL f()"),
    ("LOAD DATA", 403, "LOAD DATA INPATH '/etc/passwd' INTO TABLE tickets"),
    ("EXPLAIN ANALYZE INSERT", 403, "EXPLAIN ANALYZE INSERT INTO tickets SELECT * FROM tickets"),
    ("EXPLAIN COPY", 403, "EXPLAIN COPY tickets TO '/tmp/plimsoll-stolen.csv'"),
    ("EXPLAIN of EXPLAIN", (400, 403), "EXPLAIN EXPLAIN SELECT 1"),
    ("SELECT INTO", (400, 403), "SELECT 1 INTO t"),
    ("INSERT in a WITH", (400, 403), "WITH x AS (INSERT INTO tickets SELECT * FROM tickets RETURNING *) SELECT * FROM x"),
    ("a comment before INSERT", 403, "/* hello */ INSERT INTO tickets SELECT * FROM tickets"),
]

FILES = [
    ("a file as a table", (400, 404), "SELECT * FROM '/etc/passwd'"),
    ("a file in quotes", (400, 404), 'SELECT * FROM "/etc/passwd"'),
    ("a URL as a table", (400, 404), "SELECT * FROM 'http://127.0.0.1:1/x.csv'"),
    ("read_csv", (400, 404), "SELECT * FROM read_csv('/etc/passwd')"),
    ("read_parquet", (400, 404), "SELECT * FROM read_parquet('/tmp/x.parquet')"),
    ("parquet_metadata", (400, 404), "SELECT * FROM parquet_metadata('/tmp/x.parquet')"),
    ("pg_read_file", 400, "SELECT pg_read_file('/etc/passwd')"),
    ("version", (200, 400), "SELECT version()"),
    ("an unknown table", (400, 404), "SELECT * FROM no_such_table"),
    ("an unknown column", 400, "SELECT no_such_column FROM tickets"),
    ("an unknown function", 400, "SELECT no_such_function(1)"),
    ("another catalogue", (400, 404), "SELECT * FROM a.b.c"),
    ("another catalogue's settings", (200, 400, 403, 404), "SELECT * FROM information_schema.df_settings"),
]

TEXT = [
    ("an empty text", 400, " "),
    ("a comment alone", 400, "-- nothing"),
    ("two statements", 400, "SELECT 1; SELECT 2"),
    ("a write behind a query", (400, 403), "SELECT 1; DROP TABLE tickets"),
    ("a typing error", 400, "SELEC 1"),
    ("half a statement", 400, "SELECT 1 FROM"),
    ("an unfinished string", 400, "SELECT 'abc"),
    ("an unfinished comment", 400, "SELECT 1 /* abc"),
    ("20 kB of blanks", 400, "SELECT 1" + " " * 20_000),
    ("NUL", 400, "SELECT 1\0"),
    ("a chain of 2,000 OR", 400, "SELECT 1 WHERE 1 = 1" + " OR 1 = 1" * 2000),
    ("a chain of 1,400 AND", 400, "SELECT 1 WHERE 1 = 1" + " AND 1 = 1" * 1400),
    ("a chain of 3,000 +", 400, "SELECT 1" + " + 1" * 3000),
    ("a chain of 5,000 -", 400, "SELECT " + "- " * 5000 + "1"),
    ("a chain of 3,000 NOT", 400, "SELECT " + "NOT " * 3000 + "true"),
    ("a chain of 900 UNION", 400, "SELECT 1" + " UNION ALL SELECT 1" * 850),
    ("a chain of 900 INTERSECT", 400, "SELECT 1" + " INTERSECT SELECT 1" * 800),
    ("a chain of 2,000 ||", 400, "SELECT 'a'" + " || 'a'" * 2000),
    ("a chain of 1,500 casts", 400, "SELECT 1" + "::INT" * 3000),
    ("a chain of BETWEEN", 400, "SELECT 1" + " BETWEEN 0 AND 1" * 900, "a chain of BETWEEN answers 500"),
    ("a chain of IS NOT NULL", 400, "SELECT 1" + " IS NOT NULL" * 1200),
    ("5,000 brackets", 400, "SELECT " + "(" * 5000 + "1" + ")" * 5000),
    ("3,000 queries in queries", 400, "SELECT * FROM (" * 1000 + "SELECT 1" + ")" * 1000),
    ("1,500 CASE in CASE", 400, "SELECT " + "CASE WHEN 1=1 THEN " * 700 + "1" + " END" * 700),
    ("5,000 array brackets", 400, "SELECT " + "[" * 5000 + "]" * 5000),
    ("functions in functions", 400, "SELECT " + "abs(" * 3000 + "1" + ")" * 3000),
    ("CTEs that double", 400, DOUBLING + " SELECT count(*) FROM t29"),
    ("900 relations by commas", (400, 408), "SELECT 1 FROM " + ", ".join(f"tickets t{n}" for n in range(900)), "planning of many relations is not ended"),
    ("1,000 columns twice", (200, 400, 408), "SELECT " + ", ".join(f"1 AS c{n}" for n in range(1000))),
    ("an IN list of 3,000", (200, 400), "SELECT 1 WHERE 1 IN (" + ",".join(map(str, range(3000))) + ")"),
    ("an identifier of 10 kB", (400, 404), f'SELECT "{"a" * 10_000}" FROM tickets'),
    ("a number of 10,000 digits", (200, 400), "SELECT " + "9" * 10_000),
]

WORK = [
    ("a cross join", 408, f"SELECT count(*) FROM {FIVE} WHERE a.seq + b.seq + c.seq + d.seq + e.seq = 7"),
    ("a cross join that is only counted", (200, 408), f"SELECT count(*) FROM {FIVE}"),
    ("an endless recursion", (400, 408), "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"),
    ("a recursion that doubles", (400, 408, 507), "WITH RECURSIVE n AS (SELECT 1 AS x UNION ALL SELECT n.x + 1 FROM n, (VALUES (1),(2)) AS v(y)) SELECT count(*) FROM n"),
    ("a text that doubles by recursion", (400, 408, 507), "WITH RECURSIVE n AS (SELECT 'x' AS x, 1 AS i UNION ALL SELECT x || x, i + 1 FROM n WHERE i < 40) SELECT max(length(x)) FROM n", OUTGROWS),
    ("a sort of millions", (408, 507), "SELECT a.event_id || b.event_id || c.event_id AS t FROM tickets a, tickets b, tickets c ORDER BY t DESC", "a spill limit answers 400"),
    ("string_agg of a cross join", (408, 507), "SELECT string_agg(a.event_id || b.event_id, '') FROM tickets a, tickets b, tickets c"),
    ("array_agg of a cross join", (408, 507), "SELECT array_agg(a.event_id || b.event_id) FROM tickets a, tickets b, tickets c"),
    ("DISTINCT of a cross join", (400, 408, 507), "SELECT count(DISTINCT a.event_id || b.event_id || c.event_id) FROM tickets a, tickets b, tickets c"),
    ("a window over a cross join", (400, 408, 507), "SELECT sum(r) FROM (SELECT row_number() OVER (ORDER BY a.event_id || b.event_id || c.event_id) AS r FROM tickets a, tickets b, tickets c)"),
    ("more rows than allowed", 422, "SELECT a.event_id FROM tickets a, tickets b"),
    ("levenshtein of long texts", (400, 408), "SELECT max(levenshtein(a.event_id || b.event_id || c.event_id, d.event_id || b.event_id)) FROM tickets a, tickets b, tickets c, tickets d", "a batch of slow calls is not ended"),
    ("a slow regular expression", (200, 400, 408), "SELECT count(*) FROM tickets a, tickets b, tickets c WHERE regexp_like(a.event_id || b.event_id || c.event_id, '(a+)+$')"),
    ("repeat", 400, "SELECT repeat('x', 1500000000)"),
    ("rpad", 400, "SELECT rpad('x', 1500000000, 'y')"),
    ("lpad", 400, "SELECT length(lpad('x', 1500000000, 'y'))"),
    ("range", 400, "SELECT range(0, 1000000000)"),
    ("generate_series", 400, "SELECT count(*) FROM generate_series(1, 100000000000)"),
    ("array_repeat", 400, "SELECT array_repeat(1, 1000000000)"),
    ("list_repeat", 400, "SELECT list_repeat(1, 1000000000)"),
    ("array_resize", 400, "SELECT array_resize(make_array(1), 400000000)"),
    ("list_resize", (400, 507), "SELECT cardinality(list_resize(make_array(1), 400000000))", OUTGROWS),
    ("REPEAT in quotes", 400, "SELECT \"repeat\"('x', 1500000000)"),
    ("replace in replace", (400, 408, 507), "SELECT length(replace(replace(replace('" + "a" * 4000 + "', 'a', '" + "b" * 2000 + "'), 'b', '" + "c" * 200 + "'), 'c', 'dd'))", OUTGROWS),
    ("regexp_replace in itself", (400, 408, 507), "SELECT length(regexp_replace(regexp_replace('" + "a" * 4000 + "', 'a', '" + "b" * 2000 + "', 'g'), 'b', '" + "c" * 200 + "', 'g'))", OUTGROWS),
    ("translate", (200, 400), "SELECT translate('abc', 'abc', 'xyz')"),
    ("to_char with a long picture", (200, 400), "SELECT to_char(now(), '" + "%Y" * 2000 + "')"),
    ("division by zero", 400, "SELECT 1 / 0"),
    ("an integer overflow", (200, 400), "SELECT 9223372036854775807 + 1"),
    ("a date beyond all", 400, "SELECT TIMESTAMP '262000-01-01' + INTERVAL '1000000 years'"),
    ("business_ms at the year 262,000", (400, 404), "SELECT business_ms(TIMESTAMP '0001-01-01', TIMESTAMP '9999-12-31', 'UTC', NULL)", "panics answer 500"),
    ("date_bin of nothing", 400, "SELECT date_bin(INTERVAL '0 days', now())"),
    ("a shift by too much", (200, 400), "SELECT 1 << 1000"),
    ("a substring beyond all", (200, 400), "SELECT substr('abc', 9223372036854775807, 9223372036854775807)"),
    ("a bad regular expression", 400, "SELECT regexp_like('a', '(')"),
    ("a regular expression of 10^9 states", 400, "SELECT regexp_like('a', '((a{1000}){1000}){1000}')"),
    ("arrow_cast to a made up type", 400, "SELECT arrow_cast(1, 'Nothing')"),
    ("LIMIT -1", 400, "SELECT 1 LIMIT -1"),
    ("OFFSET 2^63", (200, 400), "SELECT 1 OFFSET 9223372036854775807"),
]

ROWS = WRITES + FILES + TEXT + WORK
CASES = [
    Http(f"sql: {what}", expect, "/api/v1/sql", statement, headers={"Content-Type": "text/plain"}, known=(*known, "")[0])
    for what, expect, statement, *known in ROWS
]
