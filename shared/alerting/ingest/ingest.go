package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"revento-alerts/shared/alerting/handoff"
	"revento-alerts/shared/alerting/queue"
	"revento-alerts/shared/alerting/route"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/ground/secret"
	"revento-alerts/shared/ground/telemetry"
	"revento-alerts/shared/revento"
)

// The time limits, each inside the next: the steps' sum < Budget < FunctionTimeout < Lease < SenderTimeout.
const (
	// Budget is within what every request is answered.
	Budget = 5 * time.Second
	// FunctionTimeout is the Lambda function's: after it, no copy of the function works on the request any more.
	FunctionTimeout = 7 * time.Second
	// Lease is how long a claim keeps others off: past it, the claim's owner has been stopped.
	Lease = 9 * time.Second
	// SenderTimeout is how long Revento waits for an answer. (guide: /patterns/, /production/)
	SenderTimeout = 10 * time.Second

	secretBudget  = 1000 * time.Millisecond
	claimBudget   = 1250 * time.Millisecond
	handOffBudget = 1500 * time.Millisecond
	endBudget     = 750 * time.Millisecond // mark, release or note
)

// MetricReplay counts signed bytes that came again under another delivery id, as far as one copy of the program can see.
const MetricReplay = "replay"

// MetricClockOff counts rightly signed requests by which this machine's clock is off: Revento's, or those of an attacker who has
// captured one.
const MetricClockOff = "clock_off"

// MetricDeliveryIDConflict counts deliveries whose id is another signed event's.
const MetricDeliveryIDConflict = "delivery_id_conflict"

// MetricOwnTypeFromOutside counts signed deliveries of a type of our own, which Revento does not send.
const MetricOwnTypeFromOutside = "own_type_from_outside"

// MetricMissedWebhook counts webhooks that never came and were found missing (handoff.Own.FoundBy): one says that Revento lost it, many that
// the webhook is broken.
const MetricMissedWebhook = "missed_webhook"

// Secrets holds the webhook secrets, newest first.
type Secrets interface {
	// Get returns the secrets known, fetched at most once a minute.
	Get(ctx context.Context) (secret.Webhook, error)
	// Refresh fetches them anew; fresh is false where that was done within the minute and they are the known ones.
	Refresh(ctx context.Context) (secrets secret.Webhook, fresh bool, err error)
}

// Ingest handles deliveries.
type Ingest struct {
	Stack string
	// Tolerance is how far a signature's timestamp may lie from now.
	Tolerance time.Duration
	// BodyLimit is the largest body, in bytes.
	BodyLimit int
	// DedupeWindow is how long a delivery id is remembered. It is longer than twice Tolerance, or a replay could outlive it.
	DedupeWindow time.Duration
	Routes       route.Table
	Secrets      Secrets
	Ledger       Ledger
	Queues       queue.Sender
	// Mirrors says that connections are on: what a mirror keeps is sent to its queue too, whatever the route.
	Mirrors bool
	// Refusals keeps what was refused, where there is somebody to ask for it: on one machine.
	Refusals *Refusals
	// Replays is the memory of this copy of the program, for as long as it runs.
	Replays *Replays
	// Skews is what rightly signed requests tell of this machine's clock, likewise.
	Skews *Skews
	Log   *telemetry.Logger
	Now   func() time.Time
}

// Handle answers a request within Budget.
func (in *Ingest) Handle(ctx context.Context, request Request) Reply {
	line := in.Log.Begin("delivery")
	defer line.End(ctx)
	ctx, cancel := context.WithTimeout(ctx, Budget)
	defer cancel()

	return in.told(request, in.answer(ctx, request, line), line)
}

// Screen looks at a request before its body of so many bytes is read, -1 where that is not known, and says whether it is refused:
// for its headers' form, its size or its age. What passes is for Handle, and once a minute a stale one, whose signature tells whether
// it is the clock that is wrong; nothing has been told of it.
func (in *Ingest) Screen(ctx context.Context, request Request, size int64) (reply Reply, refused bool) {
	now := in.Now()
	if _, status, reason := in.screen(request, size, now); status != "" && (status != Stale || !in.Skews.wantsStale(now)) {
		return in.Refuse(ctx, request, status, reason.Error()), true
	}
	return Reply{}, false
}

// Refuse tells of a request that is refused for a reason of the transport's, and returns the answer.
func (in *Ingest) Refuse(ctx context.Context, request Request, status Status, reason string) Reply {
	line := in.Log.Begin("delivery")
	defer line.End(ctx)
	line.Set("reason", reason)
	return in.told(request, refuse(status), line)
}

// told completes the line, and the answer, of a request.
func (in *Ingest) told(request Request, reply Reply, line *telemetry.Line) Reply {
	if revento.IsDeliveryID(request.DeliveryID) {
		reply.DeliveryID = request.DeliveryID
		line.Set("delivery_id", request.DeliveryID)
	}
	line.Set("status", string(reply.Status))
	line.Count("reply_" + string(reply.Status))
	// What was not worked on has a reason.
	if reason := line.Text("reason"); reason != "" && reply.Status != Accepted {
		in.Refusals.add(Refusal{
			At: in.Now(), Code: reply.Status.Code(), Status: reply.Status, Reason: reason, DeliveryID: reply.DeliveryID, Sender: request.Sender,
		})
	}
	return reply
}

func (in *Ingest) answer(ctx context.Context, request Request, line *telemetry.Line) Reply {
	delivery, refusal := in.verify(ctx, request, line)
	if refusal != "" {
		return refuse(refusal)
	}
	envelope := delivery.Envelope
	line.Set("type", clip(envelope.Type))
	line.Set("identity", string(delivery.Identity))
	if request.Event != envelope.Type {
		line.Count("event_header_mismatch")
	}
	return in.once(ctx, delivery, line)
}

// once works on signed bytes that this copy does not know under another delivery id.
func (in *Ingest) once(ctx context.Context, delivery verified, line *telemetry.Line) (reply Reply) {
	these := signed{
		digest: delivery.digest, deliveryID: delivery.ID, since: delivery.ReceivedAt, stale: delivery.SignedAt.Add(in.Tolerance),
	}
	known, again, owns := in.Replays.begin(these)
	if again {
		line.Count(MetricReplay)
		line.Set("reason", "the same signed bytes came under the delivery id "+known.deliveryID)
		return known.reply(delivery.ReceivedAt)
	}
	defer func() {
		these.status = reply.Status
		in.Replays.end(these, owns)
	}()
	return in.work(ctx, delivery, line)
}

// work takes the delivery, or notes that its route is off and that no mirror keeps it: who consumes is not who is told. Of a type of our
// own, whatever its route, is what we made ourselves.
func (in *Ingest) work(ctx context.Context, delivery verified, line *telemetry.Line) Reply {
	if revento.IsOwn(delivery.Envelope.Type) {
		line.Count(MetricOwnTypeFromOutside)
		in.note(ctx, delivery, line)
		return Reply{Status: Ignored}
	}
	destinations := in.Routes.Destinations(delivery.Envelope.Type, delivery.Envelope.EventID)
	delivery.Mirrored = in.Mirrors && revento.IsMirrored(delivery.Envelope.Type)
	if len(destinations) == 0 && !delivery.Mirrored {
		in.note(ctx, delivery, line)
		return Reply{Status: Ignored}
	}
	return in.take(ctx, delivery, destinations, line)
}

// verify says whether Revento sent the request, and reads it. It makes no call but for the secret. A refusal is the status
// to answer; "" means verified.
func (in *Ingest) verify(ctx context.Context, request Request, line *telemetry.Line) (verified, Status) {
	now := in.Now()
	proof, status, reason := in.screen(request, int64(request.Body.Size()), now)
	if status == Stale {
		in.lookAtStale(ctx, request, proof, now, line)
	}
	if status != "" {
		return refused(line, status, reason)
	}
	body, err := request.Body.Bytes()
	if err != nil {
		return refused(line, Unauthorized, err)
	}
	secret, digest, err := in.match(ctx, proof, body)
	if err != nil {
		line.Raise(slog.LevelError)
		return refused(line, Unavailable, err)
	}
	if secret == 0 {
		return refused(line, Unauthorized, errors.New("no secret makes this signature"))
	}
	line.Count("matched_secret_" + strconv.Itoa(secret))
	in.Skews.fresh(now.Sub(proof.SignedAt))
	in.tellClock(line)
	delivery, err := read(request, proof, body, now, line)
	if err != nil {
		return refused(line, Malformed, err)
	}
	return verified{Delivery: delivery, secret: secret, digest: digest}, ""
}

// lookAtStale notes a stale request that is rightly signed: whoever has the secret and this machine do not agree on the time. It is
// refused all the same.
func (in *Ingest) lookAtStale(ctx context.Context, request Request, proof revento.Proof, now time.Time, line *telemetry.Line) {
	if !in.Skews.looksAtStale(now) {
		return
	}
	body, err := request.Body.Bytes()
	if err != nil {
		return
	}
	if secret, _, err := in.match(ctx, proof, body); err != nil || secret == 0 {
		return
	}
	in.Skews.refused(now.Sub(proof.SignedAt))
	in.tellClock(line)
}

// tellClock tells of a clock that is off.
func (in *Ingest) tellClock(line *telemetry.Line) {
	if off := in.Skews.Skew().String(); off != "" {
		line.Raise(slog.LevelWarn)
		line.Count(MetricClockOff)
		line.Set("clock", off)
	}
}

// screen looks at what is known without the body. A refusal is the status to answer, with its reason; "" means none.
func (in *Ingest) screen(request Request, size int64, now time.Time) (proof revento.Proof, refusal Status, reason error) {
	proof, err := revento.ParseProof(request.Timestamp, request.Signature)
	if err != nil {
		return proof, Unauthorized, err
	}
	if size > int64(in.BodyLimit) {
		return proof, TooLarge, fmt.Errorf("the body has %d bytes, BodyLimit allows %d", size, in.BodyLimit)
	}
	if !proof.IsFresh(now, in.Tolerance) {
		return proof, Stale, fmt.Errorf("signed %s now, SignatureTolerance allows %s either way", apart(now.Sub(proof.SignedAt)), in.Tolerance)
	}
	return proof, "", nil
}

// apart says how far a moment lies from now, by how long ago it was.
func apart(ago time.Duration) string {
	if ago < 0 {
		return (-ago).Round(time.Second).String() + " after"
	}
	return ago.Round(time.Second).String() + " before"
}

// match returns the number of the secret that signed the body, from 1, or 0, and the digest of the signed bytes. It tries the
// secrets known and, where none fits, those fetched anew: the secret may just have been rotated.
func (in *Ingest) match(ctx context.Context, proof revento.Proof, body []byte) (number int, digest revento.Digest, err error) {
	ctx, cancel := context.WithTimeout(ctx, secretBudget)
	defer cancel()
	secrets, err := in.Secrets.Get(ctx)
	if err != nil {
		return 0, digest, err
	}
	match, digest := proof.Match(secrets, body)
	if match >= 0 {
		return match + 1, digest, nil
	}
	secrets, fresh, err := in.Secrets.Refresh(ctx)
	if err != nil || !fresh {
		return 0, digest, err
	}
	match, digest = proof.Match(secrets, body)
	return match + 1, digest, nil
}

func read(request Request, proof revento.Proof, body []byte, now time.Time, line *telemetry.Line) (handoff.Delivery, error) {
	envelope, err := revento.ParseEnvelope(body)
	if err != nil {
		return handoff.Delivery{}, err
	}
	id := request.DeliveryID
	if id == "" {
		id = revento.StandInDeliveryID(body)
		line.Count("delivery_id_missing")
	}
	if !revento.IsDeliveryID(id) {
		return handoff.Delivery{}, errors.New("header " + revento.HeaderDeliveryID + " is not 1 to 128 visible ASCII characters")
	}
	return handoff.Delivery{
		ID:         id,
		Envelope:   envelope,
		Identity:   envelope.Identity(body),
		SignedAt:   proof.SignedAt,
		ReceivedAt: now,
		Body:       body,
	}, nil
}

// note records a delivery that goes nowhere, so that people who ask later find it. A failure changes nothing for Revento.
func (in *Ingest) note(ctx context.Context, delivery verified, line *telemetry.Line) {
	ctx, cancel := context.WithTimeout(ctx, endBudget)
	defer cancel()
	now := in.Now()
	err := in.Ledger.NoteIgnored(ctx, Entry{
		DeliveryID: delivery.ID,
		State:      StateIgnored,
		Identity:   delivery.Identity,
		Expires:    now.Add(in.DedupeWindow),
		ReceivedAt: delivery.ReceivedAt,
		Story:      delivery.story(in.Stack, nil),
	}, now)
	if err != nil {
		line.Raise(slog.LevelWarn)
		line.Count("record_failed")
		line.Set("record_error", err.Error())
	}
}

// take claims the delivery, hands it off and marks it.
func (in *Ingest) take(ctx context.Context, delivery verified, destinations []route.Destination, line *telemetry.Line) Reply {
	now := in.Now()
	claim := Claim{
		DeliveryID: delivery.ID,
		Lease:      lease.Take(lease.NewOwner(), now, Lease),
		Identity:   delivery.Identity,
		ReceivedAt: delivery.ReceivedAt,
		Now:        now,
		Expires:    now.Add(in.DedupeWindow),
		Story:      delivery.story(in.Stack, destinations),
	}
	claim, standing, err := in.claim(ctx, claim, line)
	if err != nil {
		return in.giveUp(ctx, claim, fmt.Errorf("claim the delivery: %w", err), line)
	}
	switch claim.judge(standing) {
	case alreadyHandedOff:
		return Reply{Status: Duplicate}
	case inProgress:
		line.Set("reason", "a copy of it is being handled")
		return Reply{Status: Busy, RetryAfter: max(standing.Left(now), time.Second)}
	}
	if err := in.handOff(ctx, delivery, destinations); err != nil {
		return in.giveUp(ctx, claim, err, line)
	}
	line.Set("handed_off", len(destinations))
	in.mark(ctx, claim, line)
	return Reply{Status: Accepted}
}

// claim claims the delivery id, or, where another event has it, id and identity: the id is not signed, so that no event is
// refused for it. It returns the claim that was made.
func (in *Ingest) claim(ctx context.Context, claim Claim, line *telemetry.Line) (Claim, *Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, claimBudget)
	defer cancel()
	standing, err := in.Ledger.Claim(ctx, claim)
	if err != nil || claim.judge(standing) != otherIdentity {
		return claim, standing, err
	}
	line.Raise(slog.LevelWarn)
	line.Count(MetricDeliveryIDConflict)
	line.Set("reason", "another event was sent under this delivery id")
	claim.Apart = true
	standing, err = in.Ledger.Claim(ctx, claim)
	return claim, standing, err
}

// handOff sends to all destinations, and to the mirror, at once and returns when each has been taken or has failed.
func (in *Ingest) handOff(ctx context.Context, delivery verified, destinations []route.Destination) error {
	ctx, cancel := context.WithTimeout(ctx, handOffBudget)
	defer cancel()
	now := in.Now()
	failures := make([]error, len(destinations)+1)
	var wait sync.WaitGroup
	for i, destination := range destinations {
		wait.Go(func() {
			message := handoff.New(in.Stack, delivery.Delivery, destination, now)
			failures[i] = in.send(ctx, message.Queue(), message.Encode)
		})
	}
	if delivery.Mirrored {
		wait.Go(func() { failures[len(destinations)] = in.send(ctx, queue.Mirror, delivery.Mirror) })
	}
	wait.Wait()
	return errors.Join(failures...)
}

func (in *Ingest) send(ctx context.Context, to queue.Name, encode func() (queue.Message, error)) error {
	encoded, err := encode()
	if err != nil {
		return err
	}
	if err := in.Queues.Send(ctx, to, encoded); err != nil {
		return fmt.Errorf("hand off to %s: %w", to, err)
	}
	return nil
}

// mark closes the claim. A failure changes nothing for Revento: the delivery is in the queues, and should a retry hand it
// off again, the workers drop it.
func (in *Ingest) mark(ctx context.Context, claim Claim, line *telemetry.Line) {
	ctx, cancel := context.WithTimeout(ctx, endBudget)
	defer cancel()
	if err := in.Ledger.MarkHandedOff(ctx, claim.Key(), claim.Owner, in.Now(), claim.Expires); err != nil {
		line.Raise(slog.LevelWarn)
		line.Count("mark_failed")
		line.Set("mark_error", err.Error())
	}
}

// giveUp releases the claim, so that Revento's retry finds nothing in its way. Where even that fails, the lease's end
// does it.
func (in *Ingest) giveUp(ctx context.Context, claim Claim, cause error, line *telemetry.Line) Reply {
	line.Raise(slog.LevelError)
	line.Set("reason", cause.Error())
	ctx, cancel := context.WithTimeout(ctx, endBudget)
	defer cancel()
	if err := in.Ledger.Release(ctx, claim.Key(), claim.Owner); err != nil && !errors.Is(err, lease.ErrNotOwner) {
		line.Set("release_error", err.Error())
	}
	return refuse(Unavailable)
}

func refused(line *telemetry.Line, status Status, reason error) (verified, Status) {
	line.Set("reason", reason.Error())
	return verified{}, status
}

func refuse(status Status) Reply {
	reply := Reply{Status: status}
	if status.Code() == http.StatusServiceUnavailable {
		reply.RetryAfter = unavailableRetryAfter
	}
	return reply
}
