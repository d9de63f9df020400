package revento_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"revento-alerts/shared/revento"
)

// The vector was computed by hand from the guide's recipe, since the guide's own is cut short. (guide: /webhooks/signatures/)
const (
	vectorSecret    = "whsec_test_0123456789"
	vectorTimestamp = "1747000123"
	vectorBody      = `{"id":"evt_delivery_xyz","type":"application.approved"}`
	vectorSignature = "sha256=f3d46d280a7d1c1ef828f8e06421645f1c68a2f2b5e7d597135209a3068cb43c"
)

func TestSignMakesTheVector(t *testing.T) {
	if got := revento.Sign(vectorSecret, vectorTimestamp, []byte(vectorBody)); got != vectorSignature {
		t.Errorf("Sign = %s, want %s", got, vectorSignature)
	}
}

func TestSignatureHeader(t *testing.T) {
	scheme, digits, _ := strings.Cut(vectorSignature, "=")
	forged := "sha256=" + strings.Repeat("0", 64)
	tests := []struct {
		name      string
		signature string
		err       error // of ParseProof
		match     bool
	}{
		{"the vector", vectorSignature, nil, true},
		{"upper-case digits", scheme + "=" + strings.ToUpper(digits), nil, true},
		{"mixed-case digits", scheme + "=" + strings.ToUpper(digits[:30]) + digits[30:], nil, true},
		{"white space around it", " \t" + vectorSignature + " ", nil, true},
		{"second of two signatures", forged + "," + vectorSignature, nil, true},
		{"a repeated header, joined by comma and space", vectorSignature + ", " + forged, nil, true},
		{"beside a scheme nobody knows", "v2=abc," + vectorSignature, nil, true},
		{"beside an empty element", "," + vectorSignature + ",", nil, true},
		{"beside a cut one", "sha256=f3d4," + vectorSignature, nil, true},
		{"another body's", revento.Sign(vectorSecret, vectorTimestamp, []byte("{}")), nil, false},
		{"another moment's", revento.Sign(vectorSecret, "1747000124", []byte(vectorBody)), nil, false},
		{"another secret's", revento.Sign("other", vectorTimestamp, []byte(vectorBody)), nil, false},
		{"one digit off", vectorSignature[:len(vectorSignature)-1] + "d", nil, false},

		{"missing", "", revento.ErrNoSignature, false},
		{"only white space", "  ", revento.ErrBadSignature, false},
		{"no scheme", digits, revento.ErrBadSignature, false},
		{"upper-case scheme", "SHA256=" + digits, revento.ErrBadSignature, false},
		{"only a scheme nobody knows", "sha512=" + digits + digits, revento.ErrBadSignature, false},
		{"no digits", "sha256=", revento.ErrBadSignature, false},
		{"a digit short", vectorSignature[:len(vectorSignature)-1], revento.ErrBadSignature, false},
		{"a digit long", vectorSignature + "0", revento.ErrBadSignature, false},
		{"not hexadecimal", "sha256=" + strings.Repeat("g", 64), revento.ErrBadSignature, false},
		{"space behind the equals sign", "sha256= " + digits[1:], revento.ErrBadSignature, false},
		{"commas alone", ",,,", revento.ErrBadSignature, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			proof, err := revento.ParseProof(vectorTimestamp, test.signature)
			if !errors.Is(err, test.err) {
				t.Fatalf("ParseProof: %v, want %v", err, test.err)
			}
			if match := proof.MatchingSecret([]string{vectorSecret}, []byte(vectorBody)) == 0; match != test.match {
				t.Errorf("match: %v, want %v", match, test.match)
			}
		})
	}
}

func TestTimestampHeader(t *testing.T) {
	tests := []struct {
		name      string
		timestamp string
		err       error
	}{
		{"ten digits", "1747000123", nil},
		{"zero", "0", nil},
		{"twelve digits", "999999999999", nil},
		{"missing", "", revento.ErrNoTimestamp},
		{"thirteen digits, milliseconds", "1747000123000", revento.ErrBadTimestamp},
		{"a plus sign", "+1747000123", revento.ErrBadTimestamp},
		{"a minus sign", "-1747000123", revento.ErrBadTimestamp},
		{"a space before", " 1747000123", revento.ErrBadTimestamp},
		{"a space behind", "1747000123 ", revento.ErrBadTimestamp},
		{"a space within", "17470 0123", revento.ErrBadTimestamp},
		{"a line break behind", "1747000123\n", revento.ErrBadTimestamp},
		{"a fraction", "1747000123.5", revento.ErrBadTimestamp},
		{"an exponent", "1e9", revento.ErrBadTimestamp},
		{"hexadecimal", "0x1747", revento.ErrBadTimestamp},
		{"an underscore", "1_747", revento.ErrBadTimestamp},
		{"digits of another script", "١٧٤٧", revento.ErrBadTimestamp},
		{"a repeated header", "1747000123,1747000123", revento.ErrBadTimestamp},
		{"a date", "2026-05-09T14:22:31Z", revento.ErrBadTimestamp},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if _, err := revento.ParseProof(test.timestamp, vectorSignature); !errors.Is(err, test.err) {
				t.Errorf("ParseProof: %v, want %v", err, test.err)
			}
		})
	}
}

func TestTimestampIsSignedAsReceived(t *testing.T) {
	const padded = "01747000123" // the same moment, other characters
	proof, err := revento.ParseProof(padded, revento.Sign(vectorSecret, padded, []byte(vectorBody)))
	if err != nil {
		t.Fatal(err)
	}
	if want := time.Unix(1747000123, 0); !proof.SignedAt.Equal(want) {
		t.Errorf("signed at %v, want %v", proof.SignedAt, want)
	}
	if proof.MatchingSecret([]string{vectorSecret}, []byte(vectorBody)) != 0 {
		t.Error("the signature over the header's own characters does not match")
	}
}

func TestMatchingSecretNamesTheSecretThatMatched(t *testing.T) {
	proof, err := revento.ParseProof(vectorTimestamp, vectorSignature)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		secrets []string
		want    int
	}{
		{"the only one", []string{vectorSecret}, 0},
		{"the old one, while rotating", []string{"new", vectorSecret}, 1},
		{"the same one twice", []string{vectorSecret, vectorSecret}, 0},
		{"none of several", []string{"new", "old"}, -1},
		{"no secret at all", nil, -1},
		{"an empty secret", []string{""}, -1},
		{"a secret with a line break is another", []string{vectorSecret + "\n"}, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := proof.MatchingSecret(test.secrets, []byte(vectorBody)); got != test.want {
				t.Errorf("MatchingSecret = %d, want %d", got, test.want)
			}
		})
	}
}

func TestFreshness(t *testing.T) {
	const tolerance = 300 * time.Second
	signedAt := time.Unix(1747000123, 0)
	tests := []struct {
		name string
		now  time.Time
		want bool
	}{
		{"at once", signedAt, true},
		{"at the edge, old", signedAt.Add(tolerance), true},
		{"just too old", signedAt.Add(tolerance + time.Nanosecond), false},
		{"at the edge, from the future", signedAt.Add(-tolerance), true},
		{"just too new", signedAt.Add(-tolerance - time.Nanosecond), false},
		{"centuries old, past a duration's range", signedAt.AddDate(400, 0, 0), false},
		{"centuries from now, past a duration's range", signedAt.AddDate(-400, 0, 0), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			proof, err := revento.ParseProof(vectorTimestamp, vectorSignature)
			if err != nil {
				t.Fatal(err)
			}
			if got := proof.IsFresh(test.now, tolerance); got != test.want {
				t.Errorf("IsFresh = %v, want %v", got, test.want)
			}
		})
	}
}
