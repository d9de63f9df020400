// Package aws is the wing of Amazon's services: each package is named after the service that it speaks to, and implements the interfaces that
// the rules own; awslambda and function are what the Lambda functions' mains stand on.
//
// Here belongs what knows a service of AWS: its limits, its errors, its conditions. What the product does with it belongs to the rules.
//
// Begin with dynamodb/ledger.go: the condition that lets one claim of a delivery win.
package aws
