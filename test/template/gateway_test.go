//go:build template

package template

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
)

func TestTheGatewayHasOneRoute(t *testing.T) {
	api := properties[struct {
		Body struct {
			Paths map[string]map[string]struct {
				Integration struct {
					URI            expression `json:"uri"`
					PayloadVersion string     `json:"payloadFormatVersion"`
				} `json:"x-amazon-apigateway-integration"`
			} `json:"paths"`
		}
	}](t, load(t), "WebhookApi", "AWS::ApiGatewayV2::Api")
	const anyMethod = "x-amazon-apigateway-any-method"
	route, found := api.Body.Paths[ingest.Path][anyMethod]
	if len(api.Body.Paths) != 1 || len(api.Body.Paths[ingest.Path]) != 1 || !found {
		t.Fatalf("its routes are %+v, want any method of %s", api.Body.Paths, ingest.Path)
	}
	if !strings.Contains(string(route.Integration.URI), "${IngestFunction.Arn}") || route.Integration.PayloadVersion != "2.0" {
		t.Errorf("its route leads to %+v", route.Integration)
	}
}

// What may stand in the access log: nothing that tells of a person or that the sender chose.
func TestTheGatewaysStage(t *testing.T) {
	stage := properties[struct {
		AccessLogSettings struct {
			DestinationArn expression
			Format         string
		}
		DefaultRouteSettings struct {
			ThrottlingRateLimit, ThrottlingBurstLimit expression
		}
	}](t, load(t), "WebhookApiApiGatewayDefaultStage", "AWS::ApiGatewayV2::Stage")
	if stage.DefaultRouteSettings.ThrottlingRateLimit != "!Ref ThrottleRate" ||
		stage.DefaultRouteSettings.ThrottlingBurstLimit != "!Ref ThrottleBurst" {
		t.Errorf("it throttles at %+v", stage.DefaultRouteSettings)
	}
	if stage.AccessLogSettings.DestinationArn != "!GetAtt AccessLogGroup.Arn" {
		t.Errorf("its access log goes to %s", stage.AccessLogSettings.DestinationArn)
	}
	var line map[string]string
	if err := json.Unmarshal([]byte(stage.AccessLogSettings.Format), &line); err != nil {
		t.Fatalf("an access log's line is no JSON: %v", err)
	}
	want := map[string]string{
		"request_id":             "$context.requestId",
		"at":                     "$context.requestTime",
		"route":                  "$context.routeKey",
		"status":                 "$context.status",
		"error":                  "$context.error.responseType",
		"latency_ms":             "$context.responseLatency",
		"integration_status":     "$context.integrationStatus",
		"integration_latency_ms": "$context.integrationLatency",
	}
	if diff := cmp.Diff(want, line); diff != "" {
		t.Errorf("an access log's line (-want +got):\n%s", diff)
	}
}

func TestOutputsTellWhatToDoNext(t *testing.T) {
	loaded := load(t)
	if url := loaded.Outputs["WebhookUrl"].Value; !strings.HasSuffix(string(url), ingest.Path) {
		t.Errorf("the webhook's URL is %s", url)
	}
	for output, secret := range map[string]string{
		"Next1FillWebhookSecrets":      "WebhookSecrets",
		"Next2FillSlackBotToken":       "SlackBotToken",
		"Next3FillPagerdutyRoutingKey": "PagerdutyRoutingKey",
	} {
		made := properties[struct{ Name expression }](t, loaded, secret, "AWS::SecretsManager::Secret")
		name := strings.TrimPrefix(string(made.Name), "!Sub ")
		if command := string(loaded.Outputs[output].Value); !strings.Contains(command, " --secret-id "+name+" ") {
			t.Errorf("%s fills another secret than %s: %s", output, name, command)
		}
	}
	for _, resourceType := range []string{"AWS::SQS::Queue", "AWS::DynamoDB::Table"} {
		for _, name := range loaded.named(resourceType) {
			output := name
			if resourceType == "AWS::SQS::Queue" {
				output += "Url"
			}
			if got := loaded.Outputs[output].Value; got != expression("!Ref "+name) {
				t.Errorf("the output %s is %q, want !Ref %s", output, got, name)
			}
		}
	}
}
