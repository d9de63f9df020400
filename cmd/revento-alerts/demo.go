package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"revento-alerts/shared/local/keyring"
	"revento-alerts/shared/local/serve"
	"revento-alerts/shared/operate/terminal"
	"revento-alerts/shared/provider/recorder"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
	"revento-alerts/shared/settings"
)

func newDemo(w world) *cobra.Command {
	return &cobra.Command{
		Use:   "demo",
		Short: "Show the whole way from a webhook to the alert, in one terminal",
		Long: `Show the whole way from a webhook to the alert: serve runs in a temporary folder, gets a handful of deliveries, and
what Slack and PagerDuty show is drawn as a person would see it. Nothing is sent to anybody, and nothing is left behind.`,
		Args: usage(cobra.NoArgs),
		RunE: func(command *cobra.Command, _ []string) (err error) {
			dir, err := os.MkdirTemp("", "revento-alerts-demo-")
			if err != nil {
				return fmt.Errorf("make a folder for the demo: %w", err)
			}
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			return runDemo(command.Context(), w, filepath.Join(dir, "data"), filepath.Join(dir, "sealing-keys"))
		},
	}
}

// demoSource is the settings of the demo: the defaults but for a few, whatever the user's own are.
func demoSource(keys string) settings.Source {
	return func(name string) (string, bool) {
		if name == keyring.Variable {
			return keys, true
		}
		value, set := demoSettings[name]
		return value, set
	}
}

func runDemo(ctx context.Context, w world, dir, keys string) (err error) {
	machine, err := serve.Start(ctx, serve.Options{
		Listen: "127.0.0.1:0", Operator: "127.0.0.1:0", DataDir: dir, Source: demoSource(keys), Log: io.Discard,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, machine.Close()) }()
	secret, err := serve.ReadSecret(dir)
	if err != nil {
		return err
	}
	d := &demo{world: w, machine: machine, secret: secret, dir: dir, keys: keys}
	w.printf("revento-alerts runs on this machine, in a temporary folder, with a recorder in place of Slack and PagerDuty.\n\n")
	for _, step := range []func(context.Context) error{
		d.request, d.draw, d.retry, d.forgery, d.replay, d.approval, d.draw, d.connect, d.lose, d.original, d.cancellation, d.draw,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// colour says whether the output is a terminal that wants colours. https://no-color.org
func (w world) colour() bool {
	file, isFile := w.screen.(*os.File)
	if !isFile || os.Getenv("NO_COLOR") != "" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// demo is the tour's state: the revision request is sent first, and then used and abused.
type demo struct {
	world
	machine *serve.Machine
	secret  string
	// dir is the data folder, and keys the file of the sealing keys.
	dir, keys string
	flagged   sample.Delivery
	step      int
}

// draw shows what a person sees now.
func (d *demo) draw(context.Context) error {
	options := terminal.Options{Location: time.Local, Colour: d.colour()}
	if err := terminal.Draw(d.screen, d.machine.Recorder.Messages(), d.machine.Recorder.Incidents(), options); err != nil {
		return fmt.Errorf("draw what is shown: %w", err)
	}
	d.printf("\n")
	return nil
}

const revisionRequested = "application.revision_requested"

func (d *demo) request(ctx context.Context) (err error) {
	if d.flagged, err = d.sample(revisionRequested); err != nil {
		return err
	}
	return d.post(ctx, "An application is flagged for revision", d.flagged, http.StatusOK, func(r *recorder.Recorder) bool {
		return len(r.Messages()) == 1 && len(r.Incidents()) == 1
	}, "one Slack message, one incident")
}

func (d *demo) retry(ctx context.Context) error {
	return d.post(ctx, "Revento sends it again: the same delivery id", d.flagged, http.StatusOK, nil, "known, nothing is sent")
}

func (d *demo) forgery(ctx context.Context) error {
	forged := sample.Sign(revisionRequested, "not the secret", uuid.NewString(), time.Now(), d.flagged.Body)
	return d.post(ctx, "Somebody forges a delivery", forged, http.StatusUnauthorized, nil, "refused, and nothing was looked up for it")
}

func (d *demo) replay(ctx context.Context) error {
	replayed := sample.Delivery{Header: d.flagged.Header.Clone(), Body: d.flagged.Body}
	replayed.Header.Set(revento.HeaderDeliveryID, uuid.NewString())
	return d.post(ctx, "Somebody replays the captured request under a new delivery id", replayed, http.StatusOK, nil,
		"known by its signed bytes, nothing is sent")
}

func (d *demo) approval(ctx context.Context) error {
	approved, err := d.sample("application.approved")
	if err != nil {
		return err
	}
	return d.post(ctx, "The application is approved", approved, http.StatusOK, func(r *recorder.Recorder) bool {
		incidents, messages := r.Incidents(), r.Messages()
		return len(messages) == 2 && messages[0].Updates > 0 && len(incidents) == 1 && incidents[0].Resolved
	}, "the incident is resolved, the thread's root says so")
}

// sample makes the next delivery. Events of one second have no order, so each is a second later than the last.
func (d *demo) sample(eventType string) (sample.Delivery, error) {
	d.step++
	at := time.Now().Add(time.Duration(d.step-2) * time.Second).Truncate(time.Second)
	return sample.New(eventType, d.secret, time.Now(), sample.Change{OccurredAt: at})
}

// stepTimeout is far more than a step takes.
const stepTimeout = 20 * time.Second

// post sends a delivery, waits for what it leads to, and tells about it.
func (d *demo) post(ctx context.Context, what string, delivery sample.Delivery, code int, shown func(*recorder.Recorder) bool, effect string) error {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	d.printf("  %s\n", what)
	answer, err := delivery.Post(ctx, http.DefaultClient, d.machine.URL)
	if err != nil {
		return err
	}
	if answer.Code != code {
		return fmt.Errorf("%s: answered %d %s, not %d", what, answer.Code, answer.Body, code)
	}
	var reply struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(answer.Body, &reply); err != nil {
		return fmt.Errorf("%s: read the reply: %w", what, err)
	}
	if err := d.settled(ctx, shown); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	d.printf("    %d %-13s %s\n", answer.Code, reply.Status, effect)
	return nil
}

// settled waits until the queues are empty and what is expected is shown.
func (d *demo) settled(ctx context.Context, shown func(*recorder.Recorder) bool) error {
	const between = 10 * time.Millisecond
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		idle, err := d.machine.Idle(ctx)
		if err != nil {
			return err
		}
		if idle && (shown == nil || shown(d.machine.Recorder)) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("what it leads to did not come: %w", ctx.Err())
		}
	}
}
