package inprocess_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"revento-alerts/shared/provider/inprocess"
)

func client(handler http.HandlerFunc) *http.Client {
	return &http.Client{Transport: inprocess.Transport(handler)}
}

func TestAHandlerIsAskedAndAnswers(t *testing.T) {
	echo := client(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Path", r.URL.Path)
		w.WriteHeader(http.StatusTeapot)
		w.WriteHeader(http.StatusOK) // net/http keeps the first, too
		_, _ = io.Copy(w, r.Body)
	})
	answer, err := echo.Post("http://anywhere.invalid/path", "text/plain", strings.NewReader("said"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "said" || answer.StatusCode != http.StatusTeapot || answer.Header.Get("X-Path") != "/path" {
		t.Errorf("%d %s %v, %v", answer.StatusCode, body, answer.Header, err)
	}
}

func TestAHandlerThatSaysNothingHasAnsweredOK(t *testing.T) {
	answer, err := client(func(http.ResponseWriter, *http.Request) {}).Get("http://anywhere.invalid/")
	if err != nil || answer.StatusCode != http.StatusOK || answer.Body.Close() != nil {
		t.Errorf("%+v, %v", answer, err)
	}
}

func TestARequestThatIsOverIsNotHandedOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://anywhere.invalid/", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client(func(http.ResponseWriter, *http.Request) { t.Error("handed on") }).Do(request)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", answer, err)
	}
}

func TestAStreamIsReadWhileItIsWritten(t *testing.T) {
	read, ended := make(chan struct{}), false
	streaming := &http.Client{Transport: inprocess.Stream(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one")
		<-read // the first part has arrived
		_, _ = io.WriteString(w, "two")
		ended = true
	}))}
	answer, err := streaming.Get("http://anywhere.invalid/")
	if err != nil {
		t.Fatal(err)
	}
	part := make([]byte, 3)
	if _, err := io.ReadFull(answer.Body, part); err != nil || string(part) != "one" || answer.StatusCode != http.StatusOK {
		t.Errorf("%q, %v", part, err)
	}
	close(read)
	if err := answer.Body.Close(); err != nil || !ended { // unread, and yet over
		t.Errorf("the handler has ended: %t, %v", ended, err)
	}
}

func TestAStreamThatIsOverIsNotBegun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://anywhere.invalid/", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	never := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("handed on") })
	if answer, err := inprocess.Stream(never).RoundTrip(request); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", answer, err)
	}
}
