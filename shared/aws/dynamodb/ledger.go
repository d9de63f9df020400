package dynamodb

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/aws/awssdk"
	"revento-alerts/shared/ground/lease"
	"revento-alerts/shared/revento"
)

var (
	_ ingest.Ledger = (*Ledger)(nil)
	_ ingest.Annals = (*Ledger)(nil)
)

// Ledger is ingest's ledger in the deliveries table.
type Ledger struct {
	client *sdk.Client
	table  string
}

// NewLedger returns the ledger. It makes no call.
func NewLedger(config aws.Config, table string) *Ledger {
	return &Ledger{client: sdk.NewFromConfig(config), table: table}
}

// claimable is the condition of a claim. An entry's life, and who may claim there; "same" has the entry's identity:
//
//	  absent     claimed, lease alive    claimed, lease over         handed_off           expired, maybe not swept
//	-----------|----------------------|------------------------|----------------------|---------------------------
//	  anybody        nobody                  same                   nobody                 anybody
//	           ^claim                 ^lease_end               ^mark                  ^expires
//
// An ignored entry is like none, for claims and notes alike. The sweep is late and the lease is shorter than the window, so
// that both ends are looked at here.
const (
	notable   = "attribute_not_exists(#delivery_id) OR #expires <= :now OR #state = :ignored"
	claimable = notable + " OR (#state = :claimed AND #lease_end <= :now_ms AND #identity = :identity)"
)

// Claim implements ingest.Ledger in one request, or two where the claim is apart. If the answer was lost and the SDK sent the claim again, it finds its own
// entry standing, which ingest takes for won.
func (l *Ledger) Claim(ctx context.Context, claim ingest.Claim) (*ingest.Entry, error) {
	if claim.Apart {
		if err := l.nameApart(ctx, claim); err != nil {
			return nil, err
		}
	}
	_, err := l.client.PutItem(ctx, &sdk.PutItemInput{
		TableName:                &l.table,
		Item:                     encodeEntry(claim.Entry()),
		ConditionExpression:      aws.String(claimable),
		ExpressionAttributeNames: names(attrDeliveryID, attrExpires, attrState, attrLeaseEnd, attrIdentity),
		ExpressionAttributeValues: item{
			":now":      number(claim.Now.Unix()),
			":now_ms":   number(claim.Now.UnixMilli()),
			":ignored":  text(string(ingest.StateIgnored)),
			":claimed":  text(string(ingest.Claimed)),
			":identity": text(string(claim.Identity)),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if standing, refused := refusal(err); refused {
		entry, err := decodeEntry(standing)
		return &entry, err
	}
	if err != nil {
		return nil, awssdk.Failure(ctx, "write to the deliveries table", err)
	}
	return nil, nil
}

// nameApart has a claim found by its delivery id, before it is made: whatever stops this process between the two, an entry
// that is there can be found.
func (l *Ledger) nameApart(ctx context.Context, claim ingest.Claim) error {
	_, err := l.client.UpdateItem(ctx, &sdk.UpdateItemInput{
		TableName:                &l.table,
		Key:                      item{attrDeliveryID: text(apartKey(claim.DeliveryID))},
		UpdateExpression:         aws.String("ADD #apart :identities SET #expires = :expires"),
		ConditionExpression:      aws.String("attribute_not_exists(#apart) OR size(#apart) < :limit OR contains(#apart, :identity)"),
		ExpressionAttributeNames: names(attrApart, attrExpires),
		ExpressionAttributeValues: item{
			":identities": &types.AttributeValueMemberSS{Value: []string{string(claim.Identity)}},
			":identity":   text(string(claim.Identity)),
			":limit":      number(ingest.ApartLimit),
			":expires":    expiry(claim.Expires),
		},
	})
	if _, full := refusal(err); err == nil || full {
		return nil
	}
	return awssdk.Failure(ctx, "write to the deliveries table", err)
}

// apartKey is the key of the item that names the entries apart of a delivery id. No identity is "*".
func apartKey(deliveryID string) string {
	return ingest.Entry{DeliveryID: deliveryID, Identity: "*", Apart: true}.Key()
}

func encodeEntry(entry ingest.Entry) item {
	encoded := item{
		attrDeliveryID: text(entry.Key()),
		attrState:      text(string(entry.State)),
		attrIdentity:   text(string(entry.Identity)),
		attrExpires:    expiry(entry.Expires),
		attrStory:      text(entry.Story.Encode()),
	}
	if entry.Owner != "" {
		encoded[attrOwner] = text(entry.Owner)
	}
	for attribute, at := range map[string]time.Time{
		attrLeaseEnd: entry.Ends, attrReceivedAt: entry.ReceivedAt,
		attrClaimedAt: entry.ClaimedAt, attrHandedOffAt: entry.HandedOffAt,
	} {
		if !at.IsZero() {
			encoded[attribute] = number(at.UnixMilli())
		}
	}
	return encoded
}

// decodeEntry reads an item. A story of another form is an empty one, as in ingest.ParseStory.
func decodeEntry(stored item) (ingest.Entry, error) {
	r := reader{item: stored}
	deliveryID, apart := ingest.SplitKey(r.text(attrDeliveryID))
	entry := ingest.Entry{
		DeliveryID:  deliveryID,
		Apart:       apart,
		State:       ingest.State(r.text(attrState)),
		Lease:       lease.Lease{Owner: r.optional(attrOwner), Ends: r.moment(attrLeaseEnd)},
		Identity:    revento.Identity(r.text(attrIdentity)),
		Expires:     time.Unix(r.number(attrExpires), 0).UTC(),
		ReceivedAt:  r.moment(attrReceivedAt),
		ClaimedAt:   r.moment(attrClaimedAt),
		HandedOffAt: r.moment(attrHandedOffAt),
		Story:       ingest.ParseStory(r.optional(attrStory)),
	}
	return entry, r.err
}

// MarkHandedOff implements ingest.Ledger.
func (l *Ledger) MarkHandedOff(ctx context.Context, key, owner string, at, expires time.Time) error {
	_, err := l.client.UpdateItem(ctx, &sdk.UpdateItemInput{
		TableName:                &l.table,
		Key:                      item{attrDeliveryID: text(key)},
		UpdateExpression:         aws.String("SET #state = :handed_off, #handed_off_at = :at, #expires = :expires"),
		ConditionExpression:      aws.String("#owner = :owner"),
		ExpressionAttributeNames: names(attrState, attrHandedOffAt, attrExpires, attrOwner),
		ExpressionAttributeValues: item{
			":handed_off": text(string(ingest.HandedOff)),
			":at":         number(at.UnixMilli()),
			":expires":    expiry(expires),
			":owner":      text(owner),
		},
	})
	return ended(ctx, "mark the delivery as handed off", err)
}

// Release implements ingest.Ledger. If the answer was lost and the SDK sent the release again, it finds nothing and returns
// lease.ErrNotOwner.
func (l *Ledger) Release(ctx context.Context, key, owner string) error {
	_, err := l.client.DeleteItem(ctx, &sdk.DeleteItemInput{
		TableName:                 &l.table,
		Key:                       item{attrDeliveryID: text(key)},
		ConditionExpression:       aws.String("#owner = :owner AND #state = :claimed"),
		ExpressionAttributeNames:  names(attrOwner, attrState),
		ExpressionAttributeValues: item{":owner": text(owner), ":claimed": text(string(ingest.Claimed))},
	})
	return ended(ctx, "release the delivery", err)
}

// NoteIgnored implements ingest.Ledger in one request.
func (l *Ledger) NoteIgnored(ctx context.Context, entry ingest.Entry, now time.Time) error {
	_, err := l.client.PutItem(ctx, &sdk.PutItemInput{
		TableName:                 &l.table,
		Item:                      encodeEntry(entry),
		ConditionExpression:       aws.String(notable),
		ExpressionAttributeNames:  names(attrDeliveryID, attrExpires, attrState),
		ExpressionAttributeValues: item{":now": number(now.Unix()), ":ignored": text(string(ingest.StateIgnored))},
	})
	if _, refused := refusal(err); err == nil || refused {
		return nil
	}
	return awssdk.Failure(ctx, "note the delivery as ignored", err)
}

// Find implements ingest.Finder in one request.
func (l *Ledger) Find(ctx context.Context, deliveryID string, now time.Time) (ingest.Entry, error) {
	stored, err := l.get(ctx, deliveryID)
	if err != nil {
		return ingest.Entry{}, err
	}
	entry, err := decodeEntry(stored)
	if err == nil && !now.Before(entry.Expires) {
		return ingest.Entry{}, ingest.ErrNotFound
	}
	return entry, err
}

// Rewrite implements ingest.Annals in one request.
func (l *Ledger) Rewrite(ctx context.Context, key string, was, is ingest.Story) (bool, error) {
	_, err := l.client.UpdateItem(ctx, &sdk.UpdateItemInput{
		TableName:                 &l.table,
		Key:                       item{attrDeliveryID: text(key)},
		UpdateExpression:          aws.String("SET #story = :is"),
		ConditionExpression:       aws.String("#story = :was"),
		ExpressionAttributeNames:  names(attrStory),
		ExpressionAttributeValues: item{":is": text(is.Encode()), ":was": text(was.Encode())},
	})
	if _, refused := refusal(err); refused {
		return false, nil
	}
	if err != nil {
		return false, awssdk.Failure(ctx, "write on a delivery's story", err)
	}
	return true, nil
}

// get returns an item, or ingest.ErrNotFound.
func (l *Ledger) get(ctx context.Context, key string) (item, error) {
	got, err := l.client.GetItem(ctx, &sdk.GetItemInput{
		TableName: &l.table, Key: item{attrDeliveryID: text(key)}, ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, awssdk.Failure(ctx, "read from the deliveries table", err)
	}
	if len(got.Item) == 0 {
		return nil, ingest.ErrNotFound
	}
	return got.Item, nil
}

// FindApart implements ingest.Finder in one request, and one for each entry.
func (l *Ledger) FindApart(ctx context.Context, deliveryID string, now time.Time) ([]ingest.Entry, error) {
	stored, err := l.get(ctx, apartKey(deliveryID))
	if errors.Is(err, ingest.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []ingest.Entry
	for _, identity := range (&reader{item: stored}).texts(attrApart) {
		key := ingest.Entry{DeliveryID: deliveryID, Identity: revento.Identity(identity), Apart: true}.Key()
		entry, err := l.Find(ctx, key, now)
		if err != nil && !errors.Is(err, ingest.ErrNotFound) {
			return nil, err
		}
		if err == nil {
			entries = append(entries, entry)
		}
	}
	slices.SortFunc(entries, func(a, b ingest.Entry) int {
		return cmp.Or(a.ReceivedAt.Compare(b.ReceivedAt), cmp.Compare(a.Identity, b.Identity))
	})
	return entries, nil
}

// ended is the result of a request that only the claim's owner may make.
func ended(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if _, refused := refusal(err); refused {
		return lease.ErrNotOwner
	}
	return awssdk.Failure(ctx, op, err)
}
