// Questions with bound values: those that Grafana's query editor asks by itself, and what other programs bind.
package main

import (
	"fmt"
	"strings"
	"time"
)

// Grafana's list of a schema's tables, and of a table's columns, in our words.
const (
	tablesOf = `SELECT table_name FROM information_schema.tables
WHERE table_schema = $1 AND table_type IN ('BASE TABLE', 'VIEW') ORDER BY table_name`
	columnsOf = `SELECT column_name, data_type, numeric_precision, numeric_scale FROM information_schema.columns
WHERE table_schema = $1 AND table_name = $2 ORDER BY ordinal_position`
)

// Rows that are the same whatever the server holds.
const load = "(VALUES ('core', 1, 0.5, true), ('apps', 2, 0.25, false), ('a, \"b\"', 3, 0, true), (NULL, 4, 1, NULL)) AS load(team, open, share, late)"

func bound() []question {
	moment := time.Date(2026, 2, 1, 9, 30, 0, 0, time.UTC)
	elsewhere := moment.In(time.FixedZone("elsewhere", 3*60*60))
	since := "opened_at >= '2026-02-01 09:30:00Z'"
	core, two := "core", []string{"core", "apps"}
	return []question{
		where(load, "team = $1", "team = 'core'", core),
		where(load, "team = $1", "team = 'core'", &core),
		where(load, "team = $1", "team = NULL", nil),
		where(load, "team LIKE $1 OR team IN ($2, $3)", "team IN ('core', 'apps')", "co%", "apps", "?"),
		where(load, "open >= $1", "open >= 2", int64(2)),
		where(load, "open >= $1", "open >= 2", int32(2)),
		where(load, "share >= $1", "share >= 0.5", 0.5),
		where(load, "late = $1", "NOT late", false).typed(),
		where(load, "team = ANY($1)", "team IN ('core', 'apps')", two),
		where(load, "team = ANY($1::text[])", "team IN ('core', 'apps')", two),
		where(load, "NOT team = ANY($1)", "team NOT IN ('core', 'apps')", two),
		where(load, "team <> ALL($1)", "team NOT IN ('core', 'apps')", two),
		where(load, "team = ANY($1)", "false", []string{}),
		where(load, "team <> ALL($1)", "true", []string{}),
		where(load, "team = ANY($1)", `team IN ('a, "b"', 'core')`, []string{`a, "b"`, core, "NULL", ""}).typed(),
		where(load, "team = ANY($1)", "team = 'core'", []*string{&core, nil}).typed(),
		where(load, "open = ANY($1) AND team = $2", "team = 'core'", []int64{1, 3}, core).typed(),
		where(load, "share = ANY($1)", "share IN (0.5, 1)", []float64{0.5, 1}).typed(),
		where("review_load", "team = ANY($1)", "team IN ('core', 'apps')", two),
		where("review_load", "open_reviews >= $1", "open_reviews >= 1", int64(1)),
		where("review_concentration", "gini >= $1", "gini >= 0.25", 0.25),
		where("change", "opened_at >= $1", since, moment),
		where("change", "opened_at >= $1", since, elsewhere),
		where("change", "opened_at >= $1", since, "2026-02-01 09:30:00Z"),
		where("change", "opened_at BETWEEN $1 AND $2", "opened_at = '2026-02-01 09:30:00Z'", moment, elsewhere),
		where("review_load(as_of => $1)", "true", "true", moment).written("$1", "'2026-02-01T09:30:00Z'"),
		where("review_load(as_of => $1)", "true", "true", "2026-02-01").written("$1", "'2026-02-01'"),
		where("review_load(as_of => $1, team => $2)", "true", "true", moment, core).
			written("$1", "'2026-02-01T09:30:00Z'").written("$2", "'core'"),
		same("SELECT $1::text || 'b'", "SELECT 'a''; --b'", "a'; --"),
		same("SELECT change FROM change ORDER BY 1 LIMIT $1", "SELECT change FROM change ORDER BY 1 LIMIT 3", int64(3)).typed(),
		same(tablesOf, tablesOf, "public").written("$1", "'public'"),
		same(columnsOf, columnsOf, "public", "review_load").written("$1", "'public'").written("$2", "'review_load'"),
	}
}

// same is a question that comes to what another comes to that has the values written in it.
func same(query, plain string, values ...any) question {
	return question{Query: query, Format: "table", values: values, plain: plain}
}

func where(source, condition, plain string, values ...any) question {
	count := func(condition string) string {
		return fmt.Sprintf("SELECT count(*) FROM %s WHERE %s", source, condition)
	}
	return same(count(condition), count(plain), values...)
}

func (asked question) written(placeholder, value string) question {
	asked.plain = strings.ReplaceAll(asked.plain, placeholder, value)
	return asked
}

func (asked question) typed() question {
	asked.needsTypes = true
	return asked
}
