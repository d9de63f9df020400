package dynamodb

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"revento-alerts/shared/awssdk"
	"revento-alerts/shared/ingest"
	"revento-alerts/shared/revento"
)

var _ ingest.Ledger = (*Ledger)(nil)

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
// The sweep is late and the lease is shorter than the window, so that both ends are looked at here.
const claimable = "attribute_not_exists(#delivery_id) OR #expires <= :now" +
	" OR (#state = :claimed AND #lease_end <= :now_ms AND #identity = :identity)"

// Claim implements ingest.Ledger in one request. If the answer was lost and the SDK sent the claim again, it finds its own
// entry standing, which ingest takes for won.
func (l *Ledger) Claim(ctx context.Context, claim ingest.Claim) (*ingest.Entry, error) {
	_, err := l.client.PutItem(ctx, &sdk.PutItemInput{
		TableName: &l.table,
		Item: item{
			attrDeliveryID: text(claim.DeliveryID),
			attrState:      text(string(ingest.Claimed)),
			attrOwner:      text(claim.Owner),
			attrIdentity:   text(string(claim.Identity)),
			attrLeaseEnd:   number(claim.LeaseEnd.UnixMilli()),
			attrExpires:    expiry(claim.Expires),
		},
		ConditionExpression:      aws.String(claimable),
		ExpressionAttributeNames: names(attrDeliveryID, attrExpires, attrState, attrLeaseEnd, attrIdentity),
		ExpressionAttributeValues: item{
			":now":      number(claim.Now.Unix()),
			":now_ms":   number(claim.Now.UnixMilli()),
			":claimed":  text(string(ingest.Claimed)),
			":identity": text(string(claim.Identity)),
		},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if standing, refused := refusal(err); refused {
		return entry(standing)
	}
	if err != nil {
		return nil, awssdk.Failure(ctx, "write to the deliveries table", err)
	}
	return nil, nil
}

func entry(standing item) (*ingest.Entry, error) {
	r := reader{item: standing}
	found := &ingest.Entry{
		State:    ingest.State(r.text(attrState)),
		Owner:    r.text(attrOwner),
		Identity: revento.Identity(r.text(attrIdentity)),
		LeaseEnd: time.UnixMilli(r.number(attrLeaseEnd)).UTC(),
	}
	if r.err != nil {
		return nil, r.err
	}
	return found, nil
}

// MarkHandedOff implements ingest.Ledger.
func (l *Ledger) MarkHandedOff(ctx context.Context, deliveryID, owner string, expires time.Time) error {
	_, err := l.client.UpdateItem(ctx, &sdk.UpdateItemInput{
		TableName:                &l.table,
		Key:                      item{attrDeliveryID: text(deliveryID)},
		UpdateExpression:         aws.String("SET #state = :handed_off, #expires = :expires"),
		ConditionExpression:      aws.String("#owner = :owner"),
		ExpressionAttributeNames: names(attrState, attrExpires, attrOwner),
		ExpressionAttributeValues: item{
			":handed_off": text(string(ingest.HandedOff)),
			":expires":    expiry(expires),
			":owner":      text(owner),
		},
	})
	return ended(ctx, "mark the delivery as handed off", err)
}

// Release implements ingest.Ledger. If the answer was lost and the SDK sent the release again, it finds nothing and returns
// ingest.ErrNotOwner.
func (l *Ledger) Release(ctx context.Context, deliveryID, owner string) error {
	_, err := l.client.DeleteItem(ctx, &sdk.DeleteItemInput{
		TableName:                 &l.table,
		Key:                       item{attrDeliveryID: text(deliveryID)},
		ConditionExpression:       aws.String("#owner = :owner AND #state = :claimed"),
		ExpressionAttributeNames:  names(attrOwner, attrState),
		ExpressionAttributeValues: item{":owner": text(owner), ":claimed": text(string(ingest.Claimed))},
	})
	return ended(ctx, "release the delivery", err)
}

// ended is the result of a request that only the claim's owner may make.
func ended(ctx context.Context, op string, err error) error {
	if err == nil {
		return nil
	}
	if _, refused := refusal(err); refused {
		return ingest.ErrNotOwner
	}
	return awssdk.Failure(ctx, op, err)
}
