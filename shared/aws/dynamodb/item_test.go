package dynamodb

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"revento-alerts/shared/alerting/ingest"
	"revento-alerts/shared/alerting/record"
	"revento-alerts/shared/ground/lease"
)

func TestOccurredAtsTextOrderIsTimeOrder(t *testing.T) {
	moments := []time.Time{
		{},
		time.Date(1066, 10, 14, 9, 0, 0, 0, time.UTC),
		time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC),
		time.Date(2026, 3, 1, 9, 30, 0, 1, time.UTC),
		time.Date(2026, 3, 1, 10, 30, 0, 2, time.FixedZone("one hour ahead of UTC", 3600)),
		time.Date(2026, 3, 1, 9, 30, 0, 100_000_000, time.UTC),
		time.Date(2026, 3, 1, 9, 30, 1, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
	}
	before := ""
	for _, moment := range moments {
		text := encode(record.Record{OccurredAt: moment}, "token")[attrOccurredAt].(*types.AttributeValueMemberS).Value
		if text <= before {
			t.Errorf("%q does not sort after %q", text, before)
		}
		before = text
	}
}

func TestExpiryIsNeverEarly(t *testing.T) {
	for text, moment := range map[string]time.Time{
		"1770000000": time.Unix(1_770_000_000, 0),
		"1770000001": time.Unix(1_770_000_000, 1),
		"1770000002": time.Unix(1_770_000_001, 999_999_999),
	} {
		if got := expiry(moment).(*types.AttributeValueMemberN).Value; got != text {
			t.Errorf("the expiry of %s is %s, want %s", moment.UTC(), got, text)
		}
	}
}

func TestAnItemOfAnotherFormIsAnError(t *testing.T) {
	good := func() item {
		return encode(record.Record{OccurredAt: time.Unix(1, 0), Expires: time.Unix(2, 0), Data: []byte(`{}`)}, "token")
	}
	for name, test := range map[string]struct {
		attribute string
		value     types.AttributeValue
	}{
		"the version is missing":          {attrVersion, nil},
		"the version is text":             {attrVersion, text("1")},
		"the version is a fraction":       {attrVersion, &types.AttributeValueMemberN{Value: "1.5"}},
		"the data are a number":           {attrData, number(1)},
		"the expiry is text":              {attrExpires, text("soon")},
		"the moment of the event is none": {attrOccurredAt, text("soon")},
	} {
		t.Run(name, func(t *testing.T) {
			stored := good()
			stored[test.attribute] = test.value
			if _, err := decode(record.Key{}, stored); err == nil || !strings.Contains(err.Error(), test.attribute) {
				t.Errorf("the error is %v, want one that names %s", err, test.attribute)
			}
		})
	}
	if _, err := decode(record.Key{}, good()); err != nil {
		t.Errorf("an item of our own: %v", err)
	}
}

func TestADeliveryOfAnOlderOrAnotherFormIsReadAsFarAsItGoes(t *testing.T) {
	older := func() item {
		return item{
			attrDeliveryID: text("one"), attrState: text("handed_off"), attrOwner: text("me"), attrIdentity: text("an event"),
			attrLeaseEnd: number(1500), attrExpires: number(2),
		}
	}
	want := ingest.Entry{
		DeliveryID: "one", State: ingest.HandedOff, Lease: lease.Lease{Owner: "me", Ends: time.UnixMilli(1500).UTC()}, Identity: "an event",
		Expires: time.Unix(2, 0).UTC(),
	}
	for name, story := range map[string]types.AttributeValue{
		"no story": nil, "a story that is a number": number(1), "a story that is no JSON": text("{"),
	} {
		t.Run(name, func(t *testing.T) {
			stored := older()
			if story != nil {
				stored[attrStory] = story
			}
			got, err := decodeEntry(stored)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the entry (-want +got):\n%s", diff)
			}
		})
	}
	for _, attribute := range []string{attrState, attrIdentity, attrExpires} {
		stored := older()
		delete(stored, attribute)
		if _, err := decodeEntry(stored); err == nil || !strings.Contains(err.Error(), attribute) {
			t.Errorf("without %s: the error is %v, want one that names it", attribute, err)
		}
	}
}
