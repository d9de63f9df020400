package seeds_test

import (
	"testing"

	"revento-alerts/shared/connection/mirror"
	"revento-alerts/shared/testkit/conformance"
	"revento-alerts/shared/testkit/seeds"
)

func TestConformance(t *testing.T) {
	conformance.Seeds(t, func(*testing.T) mirror.Seeds { return new(seeds.Memory) }, nil)
}
