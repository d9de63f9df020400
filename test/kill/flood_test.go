package kill

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"flag"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/revento"
	"revento-alerts/shared/revento/sample"
)

var (
	flood      = flag.Bool("flood", false, "measure what floods do to serve, on this machine's loopback")
	floodCrowd = flag.Int("flood-crowd", 2000, "how many send at once, where the flood is measured")
)

// floodSize is the size of a body, in bytes.
const floodSize = 200 << 10

// flooded starts the program for a flood.
func flooded(t *testing.T) (p *program, url string) {
	t.Helper()
	if !*flood {
		t.Skip("it takes a while, and both cores: -flood runs it")
	}
	p = &program{binary: build(t), dir: t.TempDir() + "/data", listen: "127.0.0.1:0", environment: []string{
		"WEBHOOK_SECRETS=" + secret, "LOG_LEVEL=ERROR",
	}}
	url = p.start(t)
	t.Cleanup(p.kill)
	return p, url
}

// memory is what the process has resident, in bytes.
func (p *program) memory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`VmRSS:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatal("no VmRSS")
	}
	kilobytes, _ := strconv.Atoi(string(found[1]))
	return kilobytes << 10
}

// tally is what senders were answered.
type tally struct {
	mu       sync.Mutex
	statuses map[string]int
	slowest  time.Duration
}

func (c *tally) count(status string, took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statuses[status]++
	c.slowest = max(c.slowest, took)
}

var floodNumber atomic.Int64

// mint makes deliveries of one size, each another event, with little of a processor: of a body only its end is its own, and what
// comes before is shared and hashed once a second.
type mint struct {
	mu     sync.Mutex
	second int64
	common []byte
	hashed hash.Cloner // over the timestamp and what is common
}

func (f *mint) delivery(now time.Time) (head, common, end []byte) {
	f.mu.Lock()
	if f.second != now.Unix() {
		f.second = now.Unix()
		f.common = fmt.Appendf(nil, `{"type":"application.revision_requested","occurred_at":%q,"data":{"x":"%s`,
			now.UTC().Format(time.RFC3339), strings.Repeat("x", floodSize))
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.%s", f.second, f.common)
		f.hashed = mac.(hash.Cloner)
	}
	own, err := f.hashed.Clone()
	second, common := f.second, f.common
	f.mu.Unlock()
	if err != nil {
		panic(err) // the standard library's own hashes are all cloned
	}
	number := floodNumber.Add(1)
	end = fmt.Appendf(nil, `","id":"flood-%d"}}`, number)
	_, _ = own.Write(end)
	head = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n%s: flood-%d\r\n%s: %d\r\n%s: sha256=%x\r\n\r\n", ingest.Path,
		len(common)+len(end), revento.HeaderDeliveryID, number, revento.HeaderTimestamp, second, revento.HeaderSignature, own.Sum(nil))
	return head, common, end
}

// floodWith has so many send for a while, each again as soon as it is answered.
func floodWith(t *testing.T, address string, crowd int, lasting time.Duration) *tally {
	counted := &tally{statuses: map[string]int{}}
	made := new(mint)
	end := time.Now().Add(lasting)
	var wait sync.WaitGroup
	for range crowd {
		wait.Go(func() {
			s := &floodSender{address: address}
			defer s.hangUp()
			for time.Now().Before(end) {
				began := time.Now()
				status := s.post(t.Context(), made, began)
				counted.count(status, time.Since(began))
			}
		})
	}
	wait.Wait()
	return counted
}

// floodSender sends one delivery after the other, by one connection as long as the other side keeps it.
type floodSender struct {
	address string
	conn    net.Conn
	answers *bufio.Reader
}

func (s *floodSender) post(ctx context.Context, made *mint, now time.Time) (status string) {
	response, err := s.exchange(ctx, made, now)
	if err != nil {
		s.hangUp()
		return regexp.MustCompile(`[\d.]+:\d+`).ReplaceAllString(err.Error(), "address")
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.Close {
		s.hangUp()
	}
	return response.Status
}

func (s *floodSender) exchange(ctx context.Context, made *mint, now time.Time) (*http.Response, error) {
	if s.conn == nil {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
		if err != nil {
			return nil, err
		}
		s.conn, s.answers = conn, bufio.NewReader(conn)
	}
	head, common, end := made.delivery(now)
	conn, sent := s.conn, make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = (&net.Buffers{head, common, end}).WriteTo(conn) // the answer tells
	}()
	response, err := http.ReadResponse(s.answers, nil)
	if err != nil || response.Close {
		_ = conn.SetWriteDeadline(time.Now()) // nobody reads the rest
	}
	<-sent
	return response, err
}

func (s *floodSender) hangUp() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// processor is how long the program has had a processor.
func (p *program) processor(t *testing.T) time.Duration {
	t.Helper()
	return processorOf(t, p.process.Process.Pid)
}

func processorOf(t *testing.T, process int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process))
	if err != nil {
		t.Fatal(err)
	}
	const tick = time.Second / 100
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
	user, _ := strconv.Atoi(fields[12])
	system, _ := strconv.Atoi(fields[13])
	return time.Duration(user+system) * tick
}

// With 2,000 requests of 200 KB in flight every answer comes within ingest's budget, and goodput stays near its peak. What was
// taken waits in the database, and slows it: the peak is that of before and after.
func TestHowMuchIsTakenInAFlood(t *testing.T) {
	p, url := flooded(t)
	const lasting = 10 * time.Second
	measure := func(crowd int) (rate float64, slowest time.Duration) {
		had, own := p.processor(t), processorOf(t, os.Getpid())
		counted := floodWith(t, address(t, url), crowd, lasting)
		had, own = p.processor(t)-had, processorOf(t, os.Getpid())-own
		taken := counted.statuses["200 OK"]
		rate = float64(taken) / lasting.Seconds()
		t.Logf("%d at once: %.0f a second, the slowest answer after %s: %v; %d MiB; %s of a processor, %s for each that was taken; the senders had %s",
			crowd, rate, counted.slowest, counted.statuses, p.memory(t)>>20, had, had/time.Duration(max(taken, 1)), own)
		return rate, counted.slowest
	}
	before, _ := measure(64)
	rate, slowest := measure(*floodCrowd)
	after, _ := measure(64)
	ratio := rate / ((before + after) / 2)
	t.Logf("%.2f of the most, the slowest answer after %s", ratio, slowest)
	if slowest > ingest.Budget {
		t.Errorf("the slowest answer came after %s", slowest)
	}
}

// 1,000 uploads that stall cost under 64 MiB, and 1,100 idle connections keep no delivery out.
func TestHowMuchStalledUploadsAndIdleConnectionsCost(t *testing.T) {
	p, webhook := flooded(t)
	host := address(t, webhook)
	before := p.memory(t)
	delivery := sample.Sign("x", secret, "stalled", time.Now(), bytes.Repeat([]byte("x"), floodSize))
	var head bytes.Buffer
	fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", ingest.Path, floodSize)
	_ = delivery.Header.Write(&head)
	head.WriteString("\r\n")
	most, slowest := 0, time.Duration(0)
	for _, sent := range []int{0, floodSize / 2, floodSize - 1} {
		var stalled []net.Conn
		for range 1000 {
			c := dialed(t, host)
			stalled = append(stalled, c)
			go func() {
				_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
				_, _ = c.Write(append(head.Bytes(), delivery.Body[:sent]...))
			}()
		}
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			most = max(most, p.memory(t)-before)
		}
		slowest = max(slowest, floodWith(t, host, 1, time.Second).slowest)
		for _, c := range stalled {
			_ = c.Close()
		}
	}
	t.Logf("1,000 stalled uploads cost %d MiB; the slowest delivery beside them was answered after %s", most>>20, slowest)
	for range 5000 {
		dialed(t, host)
	}
	counted := floodWith(t, host, 1, time.Second)
	t.Logf("beside 5,000 idle connections: %v, the slowest answer after %s", counted.statuses, counted.slowest)
	if most > 64<<20 || len(counted.statuses) != 1 || counted.statuses["200 OK"] == 0 {
		t.Errorf("%d MiB; %v", most>>20, counted.statuses)
	}
}

func address(t *testing.T, webhook string) string {
	t.Helper()
	parsed, err := url.Parse(webhook)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Host
}

func dialed(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
