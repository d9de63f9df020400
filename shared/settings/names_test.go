package settings_test

import (
	"strings"
	"testing"

	"revento-alerts/shared/settings"
)

func TestAMisspeltRouteIsNamedWithTheNearestSetting(t *testing.T) {
	for name, nearest := range map[string]string{
		"APPLICATION_REVISION_REQUEST_ROUTE":   "APPLICATION_REVISION_REQUESTED_ROUTE",
		"APPLICATIONS_SUBMITTED_ROUTE":         "APPLICATION_SUBMITTED_ROUTE",
		"APLICATION_APPROVED_ROUTE":            "APPLICATION_APPROVED_ROUTE",
		"DATA_DELETION_ROUTE":                  "DATA_DELETION_REQUIRED_ROUTE",
		"OTHERS_ROUTE":                         "OTHER_ROUTE",
		"INTEGRATION_SUSPEND_ROUTE":            "INTEGRATION_SUSPENDED_ROUTE",
		"ACTIVITY_CAPACITY_STATE_CHANGE_ROUTE": "ACTIVITY_CAPACITY_STATE_CHANGED_ROUTE",
	} {
		err := settings.CheckNames([]string{"HOME=/root", name + "=slack", "OTHER_ROUTE=off"})
		if err == nil || !strings.Contains(err.Error(), name+" is no setting") || !strings.Contains(err.Error(), "did you mean "+nearest+"?") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEveryMisspeltRouteIsNamed(t *testing.T) {
	err := settings.CheckNames([]string{"A_ROUTE=", "B_ROUTE=slack"})
	if err == nil || !strings.Contains(err.Error(), "A_ROUTE is") || !strings.Contains(err.Error(), "B_ROUTE is") {
		t.Errorf("%v", err)
	}
}

func TestNamesThatAreSettingsOrAreNotOursAreTaken(t *testing.T) {
	environ := []string{"PATH=/bin", "ROUTE=x", "MY_ROUTES=x", "my_route=x", "=C:=x"}
	for _, setting := range settings.Table() {
		environ = append(environ, setting.Variable()+"=off")
	}
	if err := settings.CheckNames(environ); err != nil {
		t.Error(err)
	}
}
