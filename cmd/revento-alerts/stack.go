package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/aws/cloudformation"
	"revento-alerts/shared/aws/dynamodb"
	"revento-alerts/shared/aws/secretsmanager"
	"revento-alerts/shared/aws/sqs"
	pages "revento-alerts/shared/connection/consent"
	"revento-alerts/shared/connection/deletion"
	"revento-alerts/shared/connection/seal"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/checkup"
	"revento-alerts/shared/provider/pagerduty"
	"revento-alerts/shared/provider/slack"
	"revento-alerts/shared/settings"
	"revento-alerts/shared/wiring"
	"revento-alerts/shared/wiring/asking"
	"revento-alerts/shared/wiring/operator"
	"revento-alerts/shared/wiring/webhook"
)

// addStackFlag adds the flag that names a deployed stack.
func addStackFlag(command *cobra.Command, name *string) {
	command.Flags().StringVar(name, "stack", "", "name of a deployed stack, found with AWS' usual credentials and Region")
}

// outputWebhookURL is the stack's output that deliveries are posted to.
const outputWebhookURL = "WebhookUrl"

// The names of the stack's secrets behind the stack's own.
const (
	secretWebhook     = "/webhook-secrets"
	secretToken       = "/slack-bot-token"
	secretRoutingKeys = "/pagerduty-routing-key"
	secretClient      = "/revento-client-secret"
)

// deployed is a stack and how to reach what is in it.
type deployed struct {
	cloudformation.Stack
	aws aws.Config
}

// dialTimeout bounds a connection's start. The SDK's own is 30 s, three times over: who sits before it has given up by then.
const dialTimeout = 5 * time.Second

// loadAWS reads AWS' usual credentials and Region.
func loadAWS(ctx context.Context) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithDialerOptions(func(dialer *net.Dialer) { dialer.Timeout = dialTimeout })
	loaded, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(client))
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		return aws.Config{}, fmt.Errorf("no AWS Region is set: set AWS_REGION to the stack's")
	}
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		return aws.Config{}, fmt.Errorf("find AWS credentials: sign in (aws sso login, aws configure), or set AWS_PROFILE: %w", err)
	}
	return awssdk.InWords(loaded), nil
}

func openStack(ctx context.Context, name string) (deployed, error) {
	loaded, err := loadAWS(ctx)
	if err != nil {
		return deployed{}, err
	}
	stack, err := cloudformation.Read(ctx, loaded, name)
	if err != nil {
		return deployed{}, err
	}
	return deployed{Stack: stack, aws: loaded}, nil
}

// backend is what the operator sees of the stack. log takes the lines of what is done in this process.
func (d deployed) backend(log io.Writer) (api.Backend, error) {
	all, failures := settings.LoadAll(d.Source())
	names, urls, err := d.queueURLs(all.Connections.On())
	if err != nil {
		return api.Backend{}, err
	}
	tables, err := d.tables()
	if err != nil {
		return api.Backend{}, err
	}
	webhookURL, err := d.Output(outputWebhookURL)
	if err != nil {
		return api.Backend{}, err
	}
	ledger := dynamodb.NewLedger(d.aws, tables[outputDeliveries])
	secrets := d.secrets(all)
	engine := wiring.Engine{
		Ledger:       ledger,
		Records:      dynamodb.NewRecords(d.aws, tables[outputRecords], tables[outputDeletions]),
		Deletions:    dynamodb.NewDeletions(d.aws, tables[outputDeletions]),
		Queues:       sqs.New(d.aws, urls),
		Installation: installation.OnStack(d.Name),
		Log:          telemetry.New(log, telemetry.Options{Level: all.Ingest.LogLevel, Stack: d.Name}),
		Now:          time.Now,
	}
	site := operator.Site{
		Engine:     engine,
		Finder:     ledger,
		Names:      names,
		URL:        webhookURL,
		Place:      d.place(physicalNames(names, urls)...),
		Tables:     dynamodb.NewTables(d.aws),
		TableNames: slices.Sorted(maps.Values(tables)),
		Source:     d.Source(),
		All:        all,
		Invalid:    errors.Join(failures...),
		Warnings:   all.Ingest.Warnings(),
		Secrets:    secrets,
		Providers: operator.Providers{
			Slack: slack.New(all.Slack.APIURL, secrets.Token), Pager: pagerduty.New(all.PagerDuty.EventsURL, secrets.RoutingKeys),
		},
	}
	if !all.Connections.On() {
		return site.Backend(), nil
	}
	if err := d.connect(&site, engine, all); err != nil {
		return api.Backend{}, err
	}
	backend := site.Backend()
	if seeds, err := d.Output(outputSeeds); err == nil { // a stack of a version before has none, and no rows
		kept := dynamodb.NewSeeds(d.aws, seeds)
		backend.Attendance = operator.Attendance(engine, site.Connections, site.Asking.Rings, kept)
		backend.Deletions.People = operator.People(engine, site.Asking.Rings, kept)
		backend.Deletions.Backups = deletion.BackupsOnAWS
	}
	return backend, nil
}

// place is the stack in the words of remedies.
func (d deployed) place(queues ...string) checkup.Site {
	return checkup.OnStack(d.Name, d.aws.Region, queues...)
}

// connect has the site show the stack's connections. Their tokens are opened and renewed by the stack's functions: here, none is used.
func (d deployed) connect(site *operator.Site, engine wiring.Engine, all settings.All) error {
	s := all.Connections
	public, err := d.publicURL(s)
	if err != nil {
		return err
	}
	keys, err := d.Output(outputSealingKeys)
	if err != nil {
		return err
	}
	asks := asking.New(engine, s, public, asking.Secrets{
		Client: secret.NewHolder(secretsmanager.Fetch(d.aws, d.Name+secretClient), secret.ParseClient, s.SecretMaxAge, time.Now),
		Rings:  secret.NewHolder(secretsmanager.Fetch(d.aws, keys), seal.Parse, s.SecretMaxAge, time.Now),
	}, nil)
	tells := all.Ingest
	tells.Routes = all.Routes
	outbox := webhook.Outbox(engine, tells)
	site.Connect(engine, asks, asks.Upkeep(engine, s, outbox), public, outbox.Deliver)
	return nil
}

// publicURL is where the stack's pages are.
func (d deployed) publicURL(s settings.Connections) (pages.PublicURL, error) {
	if s.PublicURL.IsSet() {
		return s.PublicURL, nil
	}
	text, err := d.Output(outputPublicURL)
	if err != nil {
		return pages.PublicURL{}, err
	}
	public, err := pages.ParsePublicURL(text)
	if err != nil {
		return pages.PublicURL{}, fmt.Errorf("the stack's output %s: %w", outputPublicURL, err)
	}
	return public, nil
}

// secrets are the stack's.
func (d deployed) secrets(all settings.All) operator.Secrets {
	fetch := func(name string) secret.Fetch { return secretsmanager.Fetch(d.aws, d.Name+name) }
	return operator.Secrets{
		Webhook:     secret.NewHolder(fetch(secretWebhook), secret.ParseWebhook, all.Ingest.SecretMaxAge, time.Now),
		Token:       secret.NewHolder(fetch(secretToken), secret.ParseToken, all.Slack.SecretMaxAge, time.Now),
		RoutingKeys: secret.NewHolder(fetch(secretRoutingKeys), secret.ParseRoutingKeys, all.PagerDuty.SecretMaxAge, time.Now),
	}
}

// The stack's outputs of what asks Revento, which are there where connections are on.
const (
	outputPublicURL   = "PublicUrl"
	outputSealingKeys = "SealingKeysId"
	outputSeeds       = "SeedsTable"
)

// The stack's outputs that name its tables.
const (
	outputDeliveries = "DeliveriesTable"
	outputRecords    = "RecordsTable"
	outputDeletions  = "DeletionsTable"
)

// tables are the stack's tables by their outputs.
func (d deployed) tables() (map[string]string, error) {
	tables := map[string]string{}
	for _, output := range []string{outputDeliveries, outputRecords, outputDeletions} {
		name, err := d.Output(output)
		if err != nil {
			return nil, err
		}
		tables[output] = name
	}
	return tables, nil
}

// queueURLs are the stack's queues, dead-letter queues among them. A stack that was deployed before there was a mirror has no queue of it.
func (d deployed) queueURLs(connected bool) (names []queue.Name, urls map[queue.Name]string, err error) {
	urls = map[queue.Name]string{}
	for _, name := range queue.There(connected) {
		if _, there := d.Outputs[queueOutput(name)]; name == queue.Mirror && !there {
			continue
		}
		names = append(names, name)
		for _, name := range []queue.Name{name, name.DeadLetter()} {
			if urls[name], err = d.Output(queueOutput(name)); err != nil {
				return nil, nil, err
			}
		}
	}
	return names, urls, nil
}

// physicalNames are those that the queues bear on SQS, the last part of their URLs.
func physicalNames(names []queue.Name, urls map[queue.Name]string) []string {
	var physical []string
	for _, name := range names {
		physical = append(physical, path.Base(urls[name]))
	}
	return physical
}

// queueOutput is the output that names a queue's URL: "slack-dead-letter" is in SlackDeadLetterQueueUrl.
func queueOutput(name queue.Name) string {
	var output strings.Builder
	for part := range strings.SplitSeq(string(name), "-") {
		output.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return output.String() + "QueueUrl"
}

// webhookSecret is the newest of the stack's webhook secrets.
func (d deployed) webhookSecret(ctx context.Context) (string, error) {
	text, err := secretsmanager.Fetch(d.aws, d.Name+secretWebhook)(ctx)
	if err != nil {
		return "", err
	}
	secrets, err := secret.ParseWebhook(text)
	if err != nil {
		return "", err
	}
	return secrets[0], nil
}
