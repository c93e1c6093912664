// Dashboards are read as Grafana's own schema has them: nothing unknown, nothing missing, nothing of a wrong type.
//
// The schema's strict reader keeps nothing of a panel and is lenient in places, so these are read once more here: a
// panel's values, its field configuration, its overrides, values that have to be one of a few words, and the targets of
// the PostgreSQL data source, which the schema does not have.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/barchart"
	"github.com/grafana/grafana-foundation-sdk/go/bargauge"
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/gauge"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

const postgresType = "grafana-postgresql-datasource"

// The kinds of panels that Plimsoll's dashboards may have; their options are read as strictly as the rest.
var panels = []variants.PanelcfgConfig{
	barchart.VariantConfig(),
	bargauge.VariantConfig(),
	gauge.VariantConfig(),
	stat.VariantConfig(),
	table.VariantConfig(),
	timeseries.VariantConfig(),
}

func validate(files []string) error {
	runtime := cog.NewRuntime()
	for _, kind := range panels {
		runtime.RegisterPanelcfgVariant(kind)
	}
	runtime.RegisterDataqueryVariant(prometheus.VariantConfig())
	words, err := readWords()
	if err != nil {
		return err
	}
	var found []error
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		faults, panels := check(text, words)
		for _, fault := range faults {
			found = append(found, fmt.Errorf("%s: %w", file, fault))
		}
		fmt.Printf("%s: %d panels, %d faults\n", file, panels, len(faults))
	}
	return errors.Join(found...)
}

// check returns what is wrong with a dashboard, and how many panels it has.
func check(text []byte, words words) ([]error, int) {
	var board dashboard.Dashboard
	faults := faultsOf(board.UnmarshalJSONStrict(text))
	if len(faults) == 0 {
		faults = append(faults, faultsOf(board.Validate())...)
	}
	faults = append(faults, words.check(reflect.ValueOf(board), "dashboard")...)
	var raw struct{ Panels []json.RawMessage }
	if err := json.Unmarshal(text, &raw); err != nil {
		return append(faults, err), 0
	}
	seen := map[uint32]bool{}
	for index, text := range raw.Panels {
		var panel rawPanel
		if err := json.Unmarshal(text, &panel); err != nil {
			faults = append(faults, fmt.Errorf("panels[%d]: %w", index, err))
			continue
		}
		for _, fault := range slices.Concat(panel.check(words), checkValues(text, words)) {
			faults = append(faults, fmt.Errorf("panels[%d] %q: %w", index, panel.Title, fault))
		}
		if seen[panel.ID] {
			faults = append(faults, fmt.Errorf("panels[%d] %q: its id %d is another's", index, panel.Title, panel.ID))
		}
		seen[panel.ID] = true
	}
	return faults, len(raw.Panels)
}

// faultsOf takes the schema's collected errors apart; it returns an empty collection, not nil, when there are none.
func faultsOf(err error) []error {
	var collected cog.BuildErrors
	if !errors.As(err, &collected) {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	faults := make([]error, 0, len(collected))
	for _, fault := range collected {
		faults = append(faults, fault)
	}
	return faults
}

// checkValues looks at what the values of a panel are; whether they are known has been looked at already.
func checkValues(text json.RawMessage, words words) []error {
	var panel dashboard.Panel
	if err := json.Unmarshal(text, &panel); err != nil {
		return []error{err}
	}
	return append(faultsOf(panel.Validate()), words.check(reflect.ValueOf(panel), "panel")...)
}

// rawPanel is what the schema's reader does not look at closely enough.
type rawPanel struct {
	ID          uint32
	Type, Title string
	Datasource  common.DataSourceRef
	FieldConfig json.RawMessage
	Targets     []json.RawMessage
}

func (panel rawPanel) check(words words) []error {
	kind, known := cog.ConfigForPanelcfgVariant(panel.Type)
	if !known {
		return []error{fmt.Errorf("no panel here is of the kind %q", panel.Type)}
	}
	var source dashboard.FieldConfigSource
	faults := faultsOf(source.UnmarshalJSONStrict(panel.FieldConfig))
	for _, override := range source.Overrides {
		for _, property := range override.Properties {
			for _, fault := range checkProperty(panel, kind, property, words) {
				faults = append(faults, fmt.Errorf("override %s: %w", property.Id, fault))
			}
		}
	}
	if panel.Datasource.Type == nil || panel.Datasource.Uid == nil {
		return append(faults, errors.New("it names no data source"))
	}
	if *panel.Datasource.Type == postgresType {
		for index, target := range panel.Targets {
			for _, fault := range checkTarget(target, panel) {
				faults = append(faults, fmt.Errorf("targets[%d]: %w", index, fault))
			}
		}
	}
	return faults
}

// checkProperty reads the panel's defaults with the override in the place of the one that it replaces.
func checkProperty(panel rawPanel, kind variants.PanelcfgConfig, property dashboard.DynamicConfigValue, words words) []error {
	var source struct{ Defaults map[string]any }
	if err := json.Unmarshal(panel.FieldConfig, &source); err != nil {
		return []error{err}
	}
	replace(source.Defaults, strings.Split(property.Id, "."), property.Value)
	object, err := json.Marshal(source.Defaults)
	if err != nil {
		return []error{err}
	}
	var config dashboard.FieldConfig
	faults := faultsOf(config.UnmarshalJSONStrict(object))
	faults = append(faults, words.check(reflect.ValueOf(config), "value")...)
	if source.Defaults["custom"] == nil {
		return faults
	}
	return append(faults, checkCustom(kind, source.Defaults["custom"], words)...)
}

// checkCustom reads what a kind of panel alone has for its fields.
func checkCustom(kind variants.PanelcfgConfig, custom any, words words) []error {
	if kind.StrictFieldConfigUnmarshaler == nil {
		return []error{fmt.Errorf("a %s has no options for fields of its own", kind.Identifier)}
	}
	object, err := json.Marshal(custom)
	if err != nil {
		return []error{err}
	}
	if _, err := kind.StrictFieldConfigUnmarshaler(object); len(faultsOf(err)) > 0 {
		return faultsOf(err)
	}
	config, err := kind.FieldConfigUnmarshaler(object)
	return append(faultsOf(err), words.check(reflect.ValueOf(config), "value")...)
}

func replace(object map[string]any, path []string, value any) {
	if len(path) == 1 {
		object[path[0]] = value
		return
	}
	inner, isObject := object[path[0]].(map[string]any)
	if !isObject {
		inner = map[string]any{}
		object[path[0]] = inner
	}
	replace(inner, path[1:], value)
}

// A target of the PostgreSQL data source, as its query editor writes it.
type target struct {
	RefID      string               `json:"refId"`
	Datasource common.DataSourceRef `json:"datasource"`
	EditorMode string               `json:"editorMode"`
	Format     string               `json:"format"`
	RawQuery   bool                 `json:"rawQuery"`
	RawSQL     string               `json:"rawSql"`
}

func checkTarget(text json.RawMessage, panel rawPanel) []error {
	var read target
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		return []error{err}
	}
	var faults []error
	must := func(holds bool, fault string) {
		if !holds {
			faults = append(faults, errors.New(fault))
		}
	}
	must(read.RefID != "", "it has no refId")
	must(reflect.DeepEqual(read.Datasource, panel.Datasource), "its data source is not its panel's")
	must(read.EditorMode == "code" && read.RawQuery, "its text is not shown as it is")
	must(strings.TrimSpace(read.RawSQL) != "", "it asks nothing")
	wanted := "table"
	if panel.Type == "timeseries" {
		wanted = "time_series"
		must(strings.Contains(read.RawSQL, `AS "time"`), `it has no column "time"`)
	}
	must(read.Format == wanted, fmt.Sprintf("its format is %q, and a %s takes %q", read.Format, panel.Type, wanted))
	return faults
}
