// Where the schema allows a few words only, such as the modes of a colour, its reader takes any text. The words are
// constants of the schema's packages, so they are read out of its source.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

const schema = "github.com/grafana/grafana-foundation-sdk/go/"

// words are the allowed values, as text, of the types that have constants, by package and name.
type words map[string][]string

func readWords() (words, error) {
	packages := []string{schema + "common", schema + "dashboard", schema + "prometheus"}
	said, err := exec.Command("go", append([]string{"list", "-f", "{{.ImportPath}} {{.Dir}}"}, packages...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list of the schema: %w", err)
	}
	all := words{}
	for line := range strings.Lines(string(said)) {
		path, folder, _ := strings.Cut(strings.TrimSpace(line), " ")
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, "types_gen.go"), nil, 0)
		if err != nil {
			return nil, err
		}
		all.add(path, file)
	}
	if len(all[schema+"dashboard.FieldColorModeId"]) == 0 {
		return nil, fmt.Errorf("the schema's constants were not found")
	}
	return all, nil
}

func (all words) add(path string, file *ast.File) {
	ast.Inspect(file, func(node ast.Node) bool {
		spec, isValue := node.(*ast.ValueSpec)
		if !isValue || len(spec.Values) != 1 {
			return true
		}
		kind, isNamed := spec.Type.(*ast.Ident)
		value, isLiteral := spec.Values[0].(*ast.BasicLit)
		if !isNamed || !isLiteral {
			return true
		}
		word := value.Value
		if text, err := strconv.Unquote(word); err == nil {
			word = text
		}
		name := path + "." + kind.Name
		all[name] = append(all[name], word)
		return true
	})
}

// check visits every value in what was read.
func (all words) check(value reflect.Value, path string) []error {
	var faults []error
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !value.IsNil() {
			faults = all.check(value.Elem(), path)
		}
	case reflect.Struct:
		for index := range value.NumField() {
			if field := value.Type().Field(index); field.IsExported() {
				faults = append(faults, all.check(value.Field(index), path+"."+field.Name)...)
			}
		}
	case reflect.Slice:
		for index := range value.Len() {
			faults = append(faults, all.check(value.Index(index), fmt.Sprintf("%s[%d]", path, index))...)
		}
	case reflect.String, reflect.Int64:
		allowed := all[value.Type().PkgPath()+"."+value.Type().Name()]
		word := fmt.Sprint(value.Interface())
		if len(allowed) > 0 && !slices.Contains(allowed, word) {
			faults = append(faults, fmt.Errorf("%s: %q is none of %s", path, word, strings.Join(allowed, ", ")))
		}
	}
	return faults
}
