// Command providers stands in for Slack and PagerDuty beside sam local, and draws what they were sent at each change. It
// listens where events/env.json has the functions look, until Ctrl-C.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"revento-alerts/shared/operate/terminal"
	"revento-alerts/shared/provider/recorder"
)

const (
	address           = ":8002" // on every interface: the functions call from containers
	readHeaderTimeout = 5 * time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "providers: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	providers := recorder.New(time.Now)
	server := &http.Server{Handler: providers, ReadHeaderTimeout: readHeaderTimeout}
	defer server.Close()
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(listener) }()
	fmt.Println("ready: sam local invoke SlackFunction --config-env local -e events/slack.json")
	for {
		changed := providers.Changed()
		select {
		case <-changed:
		case err := <-stopped:
			return err
		case <-ctx.Done():
			return nil
		}
		if err := terminal.Draw(os.Stdout, providers.Messages(), providers.Incidents(), terminal.Options{Location: time.Local}); err != nil {
			return err
		}
	}
}
