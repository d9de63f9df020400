package serve

import (
	"context"
	"errors"
	"time"
)

// stopGrace is how long after a stop a function may still work on its message, and a sender may take for its request. It leaves the rest
// of the ten seconds after which docker stop kills, and all ends within eight.
// https://docs.docker.com/reference/cli/docker/container/stop/
const stopGrace = 7 * time.Second

// server is what shut needs of an http.Server.
type server interface {
	Shutdown(ctx context.Context) error
	Close() error
}

// shut takes no more requests, and returns once those under way are answered. Who is not done sending within the grace is cut off: it was
// told nothing, and sends again.
func shut(s server) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopGrace)
	defer cancel()
	err := s.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return s.Close()
	}
	return err
}
