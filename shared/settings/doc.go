// Package settings reads the product's settings, once, at start. Each setting is a parameter of the template and, under a name
// in capitals, a variable that the functions and serve read. What is out of form or range is refused with the parameter's
// name, the value and the remedy.
//
// It is a wing of its own, since all that runs reads it and no rule does: rules are given values. Here belongs what a setting is called, its
// form, range and default; what it does belongs to the rule that it is given to.
//
// Begin with settings/table.go, which lists them all.
package settings
