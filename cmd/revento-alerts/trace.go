package main

import (
	"context"
	"errors"
	"net/url"

	"github.com/spf13/cobra"

	"revento-alerts/shared/operate/api"
	"revento-alerts/shared/operate/trace"
)

// resource is what is traced where no delivery is named.
type resource struct{ event, organization, id string }

func newTrace(w world) *cobra.Command {
	var of resource
	command := operatorCommand(w, &cobra.Command{
		Use:   "trace <delivery id>",
		Short: "Tell what became of a delivery, and why it paged somebody or did not",
		Long: `Tell what became of a delivery: when it came, which secret had signed it, where it was handed off to, and each alert's state
with its attempts; or why nothing was sent. Revento's console shows delivery ids.

With --resource it tells of the deliveries of one resource, the newest first: those that alerted somebody, and on one machine
the others too.`,
		Example: `  revento-alerts trace 4b0d9a52-8f0c-4f3e-9a0e-0d1c5b1f7a11 --stack revento-alerts
  revento-alerts trace --event evt_1 --organization org_1 --resource app_1`,
		Args: usage(func(_ *cobra.Command, arguments []string) error { return of.check(arguments) }),
	}, func(ctx context.Context, client *api.Client, arguments []string) error {
		if len(arguments) == 1 {
			return traceDelivery(ctx, w, client, arguments[0])
		}
		return traceResource(ctx, w, client, of)
	})
	command.Flags().StringVar(&of.event, "event", "", "the resource's event (event_id)")
	command.Flags().StringVar(&of.organization, "organization", "", "the resource's organization (organization_id)")
	command.Flags().StringVar(&of.id, "resource", "", "the resource (data.id), such as an application's id")
	return command
}

func (r resource) check(arguments []string) error {
	switch named := len(arguments) == 1 && arguments[0] != ""; {
	case named && r == resource{}, len(arguments) == 0 && r.id != "":
		return nil
	case len(arguments) == 0 && r != resource{}:
		return errors.New("name the resource too: --event, --organization and --resource")
	}
	return errors.New("name one delivery by its id, or a resource by --event, --organization and --resource")
}

func traceDelivery(ctx context.Context, w world, client *api.Client, id string) error {
	var story trace.Story
	if err := client.Get(ctx, "trace/"+url.PathEscape(id), &story); err != nil {
		return err
	}
	return trace.Write(w.out, story)
}

func traceResource(ctx context.Context, w world, client *api.Client, of resource) error {
	asked := url.Values{"event": {of.event}, "organization": {of.organization}, "resource": {of.id}}
	var found api.Stories
	if err := client.Get(ctx, "trace?"+asked.Encode(), &found); err != nil {
		return err
	}
	for i, story := range found.Stories {
		if i > 0 {
			w.printf("\n%s\n\n", storyRule)
		}
		if err := trace.Write(w.out, story); err != nil {
			return err
		}
	}
	return nil
}

// storyRule stands between two stories.
const storyRule = "----------------------------------------"
