"""What SQLAlchemy finds out by itself, on which Superset, pandas and Redash rest, and asyncpg with its pool.

Usage: reflection.py HOST:PORT USER PASSWORD DATABASE. An assertion that fails is the message.
"""

import asyncio
import datetime
import sys

import asyncpg
import sqlalchemy
from sqlalchemy import MetaData, Table, create_engine, func, inspect, select

UTC = datetime.timezone.utc


def reflected(engine):
    seen = inspect(engine)
    assert "public" in seen.get_schema_names(), seen.get_schema_names()
    tables, views = seen.get_table_names(), seen.get_view_names()
    assert "commits" in tables and "review_load" in views, (tables, views)
    assert seen.has_table("review_load") and not seen.has_table("nowhere")
    columns = {column["name"]: str(column["type"]) for column in seen.get_columns("review_load")}
    assert columns["team"] in ("TEXT", "VARCHAR") and columns["open_reviews"] == "BIGINT", columns
    assert all(column["nullable"] in (True, False) for column in seen.get_columns("change"))
    for table in ("review_load", "commits"):
        assert seen.get_pk_constraint(table)["constrained_columns"] == [], table
        none = (seen.get_foreign_keys, seen.get_indexes, seen.get_unique_constraints, seen.get_check_constraints)
        assert [look(table) for look in none] == [[], [], [], []], table
        assert seen.get_table_comment(table) == {"text": None}, table
    assert seen.get_enums() == [] and seen.get_sequence_names() == []
    everything = MetaData()
    everything.reflect(bind=engine, views=True)
    assert set(everything.tables) == {*tables, *views}, set(everything.tables) ^ {*tables, *views}
    change = Table("change", MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        since = datetime.datetime(2026, 1, 1, tzinfo=UTC)
        later = select(func.count()).select_from(change).where(change.c.opened_at >= since)
        count = connection.execute(later).scalar_one()
        assert count == connection.exec_driver_sql("SELECT count(*) FROM change WHERE opened_at >= '2026-01-01'").scalar_one()
        rows = connection.execute(select(Table("review_triage", MetaData(), autoload_with=engine)).limit(3))
        assert "suggested_reviewers" in rows.keys()
        rows.all()
        # Which types are arrays, as Npgsql finds it out: by the function that reads them.
        arrays = "SELECT t.typname FROM pg_type AS t LEFT JOIN pg_proc AS p ON p.oid = t.typreceive WHERE p.proname = 'array_recv'"
        names = {name for (name,) in connection.exec_driver_sql(arrays)}
        assert "_int8" in names and "int8" not in names, names
    return len(everything.tables)


async def pooled(server, user, password, database):
    host, port = server.rsplit(":", 1)
    pool = await asyncpg.create_pool(
        host=host, port=int(port), user=user, password=password, database=database, min_size=2, max_size=3
    )
    since = datetime.datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(4):
        async with pool.acquire() as connection:
            assert await connection.fetchval("SELECT count(*) FROM change WHERE opened_at >= $1", since) >= 0
            for row in await connection.fetch("SELECT * FROM review_triage LIMIT 3"):
                assert "suggested_reviewers" in row.keys()
    await pool.close()


def main():
    server, user, password, database = sys.argv[1:]
    for driver in ("psycopg", "psycopg2"):
        engine = create_engine(f"postgresql+{driver}://{user}:{password}@{server}/{database}")
        count = reflected(engine)
        engine.dispose()
        print(f"{driver}: SQLAlchemy {sqlalchemy.__version__} reflected {count} tables and views")
    asyncio.run(pooled(server, user, password, database))
    print("asyncpg: pooled")


main()
