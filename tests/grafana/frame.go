// A query's answer as Grafana's data source makes it a frame: values in text are read as their columns' types, and a
// time series has a time, in ascending order, and numbers.
package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

func askAsGrafana(ctx context.Context, connection *pgx.Conn, question question) (rows, error) {
	var found rows
	results, err := connection.PgConn().Exec(ctx, question.Query).ReadAll()
	if err != nil {
		return found, err
	}
	for _, result := range results {
		if !result.CommandTag.Select() {
			return found, fmt.Errorf("its tag is %q, so Grafana sees no rows in it", result.CommandTag)
		}
		found.columns = len(result.FieldDescriptions)
		frame, err := frameOf(connection.TypeMap(), result)
		if err != nil {
			return found, err
		}
		for _, row := range frame {
			found.texts = append(found.texts, textOf(row))
		}
		if question.Format == "time_series" && len(frame) > 0 {
			if err := checkSeries(result.FieldDescriptions, frame); err != nil {
				return found, err
			}
		}
	}
	return found, nil
}

func frameOf(types *pgtype.Map, result *pgconn.Result) ([][]any, error) {
	frame := make([][]any, 0, len(result.Rows))
	for _, row := range result.Rows {
		values := make([]any, len(row))
		for index, text := range row {
			value, err := read(types, result.FieldDescriptions[index], text)
			if err != nil {
				return nil, err
			}
			values[index] = value
		}
		frame = append(frame, values)
	}
	return frame, nil
}

func read(types *pgtype.Map, column pgconn.FieldDescription, text []byte) (any, error) {
	kind, known := types.TypeForOID(column.DataTypeOID)
	if !known {
		return nil, fmt.Errorf("column %q has a type that the driver does not know, %d", column.Name, column.DataTypeOID)
	}
	if text == nil {
		return nil, nil
	}
	value, err := kind.Codec.DecodeValue(types, column.DataTypeOID, column.Format, text)
	if err != nil {
		return nil, fmt.Errorf("column %q of type %s: %q: %w", column.Name, kind.Name, text, err)
	}
	return value, nil
}

// checkSeries holds the frame to what a time series needs.
func checkSeries(columns []pgconn.FieldDescription, frame [][]any) error {
	timeColumn := -1
	for index, column := range columns {
		if column.Name == "time" {
			timeColumn = index
		}
	}
	if timeColumn < 0 {
		return errors.New(`a time series has no column "time"`)
	}
	var before time.Time
	for _, row := range frame {
		moment, isTime := row[timeColumn].(time.Time)
		if !isTime || moment.Before(before) {
			return fmt.Errorf("the times of a series do not ascend: %v after %v", row[timeColumn], before)
		}
		before = moment
		if err := checkCells(columns, row); err != nil {
			return err
		}
	}
	return nil
}

// checkCells finds what Grafana can neither draw nor take for a label.
func checkCells(columns []pgconn.FieldDescription, row []any) error {
	for index, value := range row {
		switch value.(type) {
		case nil, string, time.Time, int16, int32, int64, float32, float64:
		default:
			return fmt.Errorf("column %q of a series is no number: %v", columns[index].Name, value)
		}
	}
	return nil
}
