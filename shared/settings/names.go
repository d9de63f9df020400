package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// routeSuffix ends the variable of every route. What ends so and is no setting is a route that somebody believes to be in force.
const routeSuffix = "_ROUTE"

// CheckNames returns an error that names every variable of an environment, as os.Environ returns it, that ends in _ROUTE and is no
// setting, with the setting that is spelt most like it.
func CheckNames(environ []string) error {
	var known []string
	for _, setting := range routeSettings() {
		known = append(known, setting.Variable())
	}
	var failures []error
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasSuffix(name, routeSuffix) && !slices.Contains(known, name) {
			failures = append(failures, fmt.Errorf("%s is no setting, and its route is not in force: did you mean %s? Otherwise remove it",
				name, nearest(name, known)))
		}
	}
	return errors.Join(failures...)
}

// The costs of a change of one character on the way from what was written to what was meant: people leave out more than they add.
const (
	costLeftOut  = 1
	costAdded    = 2
	costReplaced = 2
)

// nearest is the candidate that is the least costly to come to, the first of several.
func nearest(name string, candidates []string) string {
	return slices.MinFunc(candidates, func(a, b string) int { return cost(name, a) - cost(name, b) })
}

// cost is the least cost of making meant of written, by Wagner's and Fischer's table, of which one row is kept.
func cost(written, meant string) int {
	row := make([]int, len(meant)+1)
	for j := range row {
		row[j] = j * costLeftOut
	}
	for i := range len(written) {
		diagonal := row[0]
		row[0] = (i + 1) * costAdded
		for j := range len(meant) {
			same := diagonal
			if written[i] != meant[j] {
				same += costReplaced
			}
			diagonal = row[j+1]
			row[j+1] = min(same, row[j]+costLeftOut, row[j+1]+costAdded)
		}
	}
	return row[len(meant)]
}
