package api

import (
	"net/http"

	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/settings"
)

// Routes is the answer to GET /api/routes.
type Routes struct {
	// Routes are in force, in the order of route.Triggers.
	Routes []Route `json:"routes"`
	// Declare is what to declare in the Revento manifest, and Also the groups of types whose members Revento's catalog names.
	Declare []string `json:"declare"`
	Also    []string `json:"also"`
}

// Route is where the events of a trigger go, and the setting that says so.
type Route struct {
	Trigger   string `json:"trigger"`
	Route     string `json:"route"`
	Parameter string `json:"parameter"`
	Variable  string `json:"variable"`
	Default   bool   `json:"default"`
}

// RoutesOf reads the routes from the settings.
func RoutesOf(source settings.Source) (Routes, error) {
	table, err := settings.LoadRoutes(source)
	if err != nil {
		return Routes{}, err
	}
	types, patterns := table.Declared()
	routes := Routes{Declare: types, Also: append([]string{}, patterns...)}
	for _, trigger := range route.Triggers {
		setting := settings.Setting{Parameter: trigger.Parameter, Default: trigger.Default}
		value, set := source(setting.Variable())
		routes.Routes = append(routes.Routes, Route{
			Trigger:   trigger.Pattern,
			Route:     table.Of(trigger).String(),
			Parameter: setting.Parameter,
			Variable:  setting.Variable(),
			Default:   !set || value == setting.Default,
		})
	}
	return routes, nil
}

func (b Backend) listRoutes(*http.Request) (any, error) { return RoutesOf(b.Check.Source) }
