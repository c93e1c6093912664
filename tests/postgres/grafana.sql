-- What Grafana's PostgreSQL data source asks by itself, in our words, and queries as its macros leave them.
\set ON_ERROR_STOP on
SELECT 1;
SELECT current_setting('server_version_num')::int/100 AS version;
SELECT extversion FROM pg_extension WHERE extname = 'timescaledb';
SELECT schema_name AS "name" FROM information_schema.schemata
WHERE schema_name NOT IN ('information_schema', 'pg_catalog', 'pg_toast', '_timescaledb_cache')
ORDER BY schema_name;
SELECT quote_ident(table_name) AS "table" FROM information_schema.tables
WHERE quote_ident(table_schema) = 'public' ORDER BY 1;
SELECT
  CASE WHEN quote_ident(table_schema) IN (
    SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
    FROM generate_series(
      array_lower(string_to_array(current_setting('search_path'),','),1),
      array_upper(string_to_array(current_setting('search_path'),','),1)
    ) as i, string_to_array(current_setting('search_path'),',') s)
  THEN quote_ident(table_name)
  ELSE quote_ident(table_schema) || '.' || quote_ident(table_name)
  END AS "table"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog')
ORDER BY 1;
-- The tables of the search path first, as newer releases list them
SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) AS "table"
FROM information_schema.tables
WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog')
ORDER BY CASE WHEN quote_ident(table_schema) IN (
    SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
    FROM generate_series(
      array_lower(string_to_array(current_setting('search_path'),','),1),
      array_upper(string_to_array(current_setting('search_path'),','),1)
    ) as i, string_to_array(current_setting('search_path'),',') s)
  THEN 0 ELSE 1 END, 1;
SELECT quote_ident(column_name) AS "column", data_type AS "type"
FROM information_schema.columns
WHERE
  CASE WHEN array_length(parse_ident('public.review_load'),1) = 2
    THEN quote_ident(table_schema) = (parse_ident('public.review_load'))[1]
      AND quote_ident(table_name) = (parse_ident('public.review_load'))[2]
    ELSE quote_ident(table_name) = 'public.review_load'
  END;
-- The columns of a table without a schema, and the values that a column has
SELECT quote_ident(column_name) AS "column", data_type AS "type"
FROM information_schema.columns
WHERE
  CASE WHEN array_length(parse_ident('review_load'),1) = 2
    THEN quote_ident(table_schema) = (parse_ident('review_load'))[1]
      AND quote_ident(table_name) = (parse_ident('review_load'))[2]
    ELSE quote_ident(table_name) = 'review_load' AND quote_ident(table_schema) IN (
      SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
      FROM generate_series(
        array_lower(string_to_array(current_setting('search_path'),','),1),
        array_upper(string_to_array(current_setting('search_path'),','),1)
      ) as i, string_to_array(current_setting('search_path'),',') s)
  END;
SELECT 'team' AS col_name, "team"::text AS val FROM (
  SELECT DISTINCT "team" FROM "public"."review_load" WHERE "team" IS NOT NULL ORDER BY "team" LIMIT 100
) sub_0
UNION ALL
SELECT 'open_reviews' AS col_name, "open_reviews"::text AS val FROM (
  SELECT DISTINCT "open_reviews" FROM "public"."review_load" WHERE "open_reviews" IS NOT NULL ORDER BY "open_reviews" LIMIT 100
) sub_1;
-- $__timeFilter, $__time, $__timeEpoch, $__timeGroup, $__unixEpochFilter, $__unixEpochNanoFilter
SELECT opened_at AS "time", change FROM change
WHERE opened_at BETWEEN '2026-01-05T00:00:00Z' AND '2026-03-02T12:00:00.5Z' ORDER BY 1, 2 LIMIT 3;
SELECT extract(epoch from opened_at) AS "time", change FROM change ORDER BY 1, 2 LIMIT 3;
SELECT floor(extract(epoch from opened_at)/86400)*86400 AS "time", count(*) AS value FROM change
WHERE opened_at BETWEEN '2026-01-05T00:00:00Z' AND '2026-03-02T12:00:00Z' GROUP BY 1 ORDER BY 1 LIMIT 3;
SELECT count(*) FROM change WHERE extract(epoch from opened_at) >= 1767571200 AND extract(epoch from opened_at) <= 1772452800;
SELECT count(*) FROM change WHERE extract(epoch from opened_at) * 1000000000 >= 1767571200000000000;
-- $__timeFrom, $__timeTo and $__interval as arguments of a metric
SELECT as_of AS "time", team AS metric, open_reviews AS value
FROM review_load(from => '2026-02-01T00:00:00Z', to => '2026-02-20T00:00:00.123Z', step => '7d') ORDER BY 1, 2;
