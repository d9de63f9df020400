package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"revento-alerts/events"
	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/aws/awslambda"
	"revento-alerts/shared/ground/installation"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/settings"
)

const sendTimeout = ingest.SenderTimeout

// sampleFlags say how a delivery differs from its sample, and who signs it.
type sampleFlags struct {
	data       string
	occurredAt string
	change     sample.Change
}

// receiver is where the serve that has the data folder takes deliveries, or would by default.
func (f *sampleFlags) receiver() (string, error) {
	base, err := serve.ReadAddress(f.data)
	if errors.Is(err, fs.ErrNotExist) {
		return "http://" + serve.DefaultListen + ingest.Path, nil
	}
	return base + ingest.Path, err
}

func (f *sampleFlags) add(command *cobra.Command) {
	addDataFlag(command, &f.data)
	flags := command.Flags()
	flags.StringVar(&f.change.ResourceID, "resource", "", "data.id instead of the sample's")
	flags.StringVar(&f.change.EventID, "event-id", "", "event_id instead of the sample's")
	flags.StringVar(&f.change.OrganizationID, "organization-id", "", "organization_id instead of the sample's")
	flags.StringVar(&f.change.DeliveryID, "delivery-id", "", "delivery id instead of a new one, to repeat a delivery")
	flags.StringVar(&f.occurredAt, "occurred-at", "", "occurred_at instead of now, such as 2026-05-09T14:22:31Z")
}

// delivery makes the signed sample.
func (f *sampleFlags) delivery(eventType string, source settings.Source) (sample.Delivery, error) {
	if f.occurredAt != "" {
		at, err := time.Parse(time.RFC3339, f.occurredAt)
		if err != nil {
			return sample.Delivery{}, usageError{fmt.Errorf("--occurred-at is %q: write it like 2026-05-09T14:22:31Z", f.occurredAt)}
		}
		f.change.OccurredAt = at
	}
	key, err := f.secret(source)
	if err != nil {
		return sample.Delivery{}, err
	}
	return sample.New(eventType, key, time.Now(), f.change)
}

// secret is the first of WEBHOOK_SECRETS, or the one that serve keeps in its data folder.
func (f *sampleFlags) secret(source settings.Source) (string, error) {
	if text, set := source(serve.VariableWebhookSecrets); set {
		secrets, err := secret.ParseWebhook(text)
		if err != nil {
			return "", fmt.Errorf("%s: %w", serve.VariableWebhookSecrets, err)
		}
		return secrets[0], nil
	}
	key, err := serve.ReadSecret(f.data)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("there is no webhook secret: set %s to the receiver's, or start '%s' first, which makes one",
			serve.VariableWebhookSecrets, installation.OnMachine(f.data).Command("serve"))
	}
	return key, err
}

// oneType wants one argument, a type that there is a sample of.
func oneType(_ *cobra.Command, arguments []string) error {
	if len(arguments) != 1 {
		return fmt.Errorf("name one event type, such as %s", revisionRequested)
	}
	_, err := events.Body(arguments[0])
	return err
}

func sampleTypes() string { return "Types: " + strings.Join(events.Types(), ", ") }

func newSend(w world) *cobra.Command {
	var flags sampleFlags
	var url, stack string
	command := &cobra.Command{
		Use:   "send <type>",
		Short: "Sign a sample delivery and post it",
		Long: `Sign a sample delivery and post it to serve, to a deployed stack, or to any URL.

The secret is the first of WEBHOOK_SECRETS, or with --stack the stack's, or the one that serve keeps in its data folder.

` + sampleTypes(),
		Example: `  revento-alerts send application.revision_requested
  revento-alerts send application.approved --resource app_sample_2
  revento-alerts send application.revision_requested --stack revento-alerts
  WEBHOOK_SECRETS=... revento-alerts send event.unpublished --url https://.../webhooks/revento`,
		Args: usage(oneType),
		RunE: func(command *cobra.Command, arguments []string) error {
			if stack != "" && command.Flags().Changed("url") {
				return hinted(command, errors.New("--stack and --url both say where to post: give one"))
			}
			var err error
			source, remedy := w.source, "is --url wrong?"
			switch {
			case stack != "":
				url, source, err = stackReceiver(command.Context(), stack, source)
				remedy = "does this machine reach AWS?"
			case url == "":
				url, err = flags.receiver()
				remedy = "does '" + reached(command).Command("serve") + "' run?"
			}
			if err != nil {
				return err
			}
			delivery, err := flags.delivery(arguments[0], source)
			if err != nil {
				return err
			}
			return send(command.Context(), w, delivery, url, remedy)
		},
	}
	flags.add(command)
	addStackFlag(command, &stack)
	command.Flags().StringVar(&url, "url", "", "where to post it instead of to the serve that has the data folder")
	return command
}

// stackReceiver returns a stack's webhook URL, and a source that has its webhook secret where the user's own has none.
func stackReceiver(ctx context.Context, name string, source settings.Source) (string, settings.Source, error) {
	opened, err := openStack(ctx, name)
	if err != nil {
		return "", nil, err
	}
	url, err := opened.Output(outputWebhookURL)
	if err != nil {
		return "", nil, err
	}
	if _, set := source(serve.VariableWebhookSecrets); set {
		return url, source, nil
	}
	key, err := opened.webhookSecret(ctx)
	if err != nil {
		return "", nil, err
	}
	return url, func(variable string) (string, bool) {
		if variable == serve.VariableWebhookSecrets {
			return key, true
		}
		return source(variable)
	}, nil
}

// send posts a delivery. Remedy is what to look at where nobody answers.
func send(ctx context.Context, w world, delivery sample.Delivery, url, remedy string) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	answer, err := delivery.Post(ctx, http.DefaultClient, url)
	if err != nil {
		return fmt.Errorf("%w: %s", err, remedy)
	}
	w.printf("%d %s\n", answer.Code, strings.TrimSpace(string(answer.Body)))
	switch answer.Code {
	case http.StatusOK:
		return nil
	case http.StatusUnauthorized:
		return fmt.Errorf("%s answered %d: it knows another webhook secret than the one that signed this, or its clock differs: "+
			"name its folder with --data or its stack with --stack, or set %s to its secret", url, answer.Code, serve.VariableWebhookSecrets)
	}
	return fmt.Errorf("%s answered %d; see the table of replies in docs/operating.md", url, answer.Code)
}

func newEvent(w world) *cobra.Command {
	var flags sampleFlags
	command := &cobra.Command{
		Use:   "event <type>",
		Short: "Print a freshly signed API Gateway event of a sample delivery",
		Long: `Print the event that API Gateway would make of a sample delivery, freshly signed, for 'sam local invoke'.

The secret is the first of WEBHOOK_SECRETS, or the one that serve keeps in its data folder.

` + sampleTypes(),
		Example: `  revento-alerts event application.revision_requested | sam local invoke IngestFunction -e -`,
		Args:    usage(oneType),
		RunE: func(_ *cobra.Command, arguments []string) error {
			delivery, err := flags.delivery(arguments[0], w.source)
			if err != nil {
				return err
			}
			event := awslambda.GatewayEvent(http.MethodPost, ingest.Path, delivery.Header, delivery.Body, uuid.NewString(), time.Now())
			encoder := json.NewEncoder(w.out)
			encoder.SetIndent("", "  ")
			return encoder.Encode(event)
		},
	}
	flags.add(command)
	return command
}
