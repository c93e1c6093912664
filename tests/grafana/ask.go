// The PostgreSQL port is asked as Grafana's data source asks it, and as any program with the same driver does.
//
// Every question is put several times: as Grafana does, with a text and its answer in text, and in each of the driver's
// own ways, with answers in binary. All have to give the same rows. One JSON object is printed a question and a way.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A question is a text, the values bound in it, and what it comes to with the values written into it.
type question struct {
	Query string `json:"query"`
	// Format is "table" or "time_series", as in a panel.
	Format string `json:"format"`
	values []any
	plain  string
	// Whether the server must know the values' types from the text alone, which "simple" quotes as if they were texts.
	needsTypes bool
}

// An answer is one line of what is printed.
type answer struct {
	Query   string  `json:"query"`
	Way     string  `json:"way"`
	Rows    int     `json:"rows"`
	Columns int     `json:"columns"`
	Error   *string `json:"error"`
}

// A way to put a question; the rows come back as texts, in the order in which they came.
type way struct {
	name string
	ask  func(context.Context, *pgx.Conn, question) (rows, error)
}

type rows struct {
	columns int
	texts   []string
}

var ways = []way{
	{"grafana", askAsGrafana},
	{"simple", askIn(pgx.QueryExecModeSimpleProtocol)},
	{"exec", askIn(pgx.QueryExecModeExec)},
	{"describe", askIn(pgx.QueryExecModeDescribeExec)},
	{"described before", askIn(pgx.QueryExecModeCacheDescribe)},
	{"prepared", askIn(pgx.QueryExecModeCacheStatement)},
}

func ask(dsn string) error {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Minute)
	defer stop()
	handedIn, err := readQuestions(os.Stdin)
	if err != nil {
		return err
	}
	connection, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer connection.Close(ctx)
	if err := connection.Ping(ctx); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, question := range slices.Concat(handedIn, bound()) {
		if err := askAll(ctx, connection, question, out); err != nil {
			return err
		}
	}
	return nil
}

func readQuestions(from io.Reader) ([]question, error) {
	var questions []question
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var read question
		if err := json.Unmarshal(lines.Bytes(), &read); err != nil {
			return nil, fmt.Errorf("%q: %w", lines.Text(), err)
		}
		questions = append(questions, read)
	}
	return questions, lines.Err()
}

// askAll puts one question in every way; Grafana binds no values.
func askAll(ctx context.Context, connection *pgx.Conn, question question, out *json.Encoder) error {
	plain := question
	if len(question.values) > 0 {
		plain.Query, plain.values = question.plain, nil
	}
	expect, wrong := askAsGrafana(ctx, connection, plain)
	slices.Sort(expect.texts)
	for _, way := range ways {
		if way.name == "grafana" && len(question.values) > 0 || way.name == "simple" && question.needsTypes {
			continue
		}
		found, err := way.ask(ctx, connection, question)
		slices.Sort(found.texts)
		if err == nil && wrong != nil {
			err = fmt.Errorf("%s: %w", plain.Query, wrong)
		}
		if err == nil && !slices.Equal(found.texts, expect.texts) {
			err = fmt.Errorf("not the rows of %s: %.200q, and they are %.200q", plain.Query, found.texts, expect.texts)
		}
		answer := answer{Query: question.Query, Way: way.name, Rows: len(found.texts), Columns: found.columns}
		if err != nil {
			text := err.Error()
			answer.Error = &text
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return nil
}

// askIn asks in one of the driver's ways, which reads values as the types that the server states.
func askIn(mode pgx.QueryExecMode) func(context.Context, *pgx.Conn, question) (rows, error) {
	return func(ctx context.Context, connection *pgx.Conn, question question) (rows, error) {
		var found rows
		result, err := connection.Query(ctx, question.Query, append([]any{mode}, question.values...)...)
		if err != nil {
			return found, err
		}
		defer result.Close()
		found.columns = len(result.FieldDescriptions())
		for result.Next() {
			values, err := result.Values()
			if err != nil {
				return found, err
			}
			found.texts = append(found.texts, textOf(values))
		}
		return found, result.Err()
	}
}

// textOf writes a row so that equal values look equal whatever way they came.
func textOf(values []any) string {
	texts := make([]string, len(values))
	for index, value := range values {
		switch value := value.(type) {
		case nil:
			texts[index] = "NULL"
		case time.Time:
			texts[index] = value.UTC().Format(time.RFC3339Nano)
		case float64:
			texts[index] = fmt.Sprint(value + 0) // no negative zero
		default:
			texts[index] = fmt.Sprint(value)
		}
	}
	return strings.Join(texts, "|")
}
