// Package proxies holds the documented configurations of nginx and Caddy to what they promise; see run.
package proxies
