// Command grafana does what Grafana does with Plimsoll, with Grafana's own schema and Grafana's PostgreSQL driver.
//
//	grafana validate FILE...   reads dashboards strictly
//	grafana ask DSN            asks the PostgreSQL port; further queries come on stdin, one JSON object a line
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) > 1 && arguments[0] == "validate":
		return validate(arguments[1:])
	case len(arguments) == 2 && arguments[0] == "ask":
		return ask(arguments[1])
	}
	return errors.New("usage: grafana validate FILE... | grafana ask DSN")
}
