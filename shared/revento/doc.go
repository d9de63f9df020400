// Package revento knows what Revento sends: the headers and the signature of a delivery, the envelope in its body, and
// what one type of event has in common with others. Every rule names the page of Revento's integration guide that states it. The types that
// the guide names are listed beside their routes, in alerting/route/table.go.
//
// It is also the wing of all that is Revento's: below it is what stands in for Revento, and what is made as Revento would make it. Here
// belongs what Revento sends and answers; what the product makes of it belongs to alerting and connection.
//
// Begin with revento/signature.go, then revento/envelope.go.
package revento
