package revento_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"testing"

	"revento-alerts/shared/revento"
)

var bodySizes = []int{1 << 10, 16 << 10, 256 << 10}

// BenchmarkVerify is what a signature costs, headers included; BenchmarkBareHMAC of the same bytes is the floor.
func BenchmarkVerify(b *testing.B) {
	secrets := []string{vectorSecret}
	for _, size := range bodySizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			body := bytes.Repeat([]byte("x"), size)
			signature := revento.Sign(vectorSecret, vectorTimestamp, body)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				proof, err := revento.ParseProof(vectorTimestamp, signature)
				if err != nil || proof.MatchingSecret(secrets, body) != 0 {
					b.Fatal("the signature does not match")
				}
			}
		})
	}
}

func BenchmarkBareHMAC(b *testing.B) {
	for _, size := range bodySizes {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			body := bytes.Repeat([]byte("x"), size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				mac := hmac.New(sha256.New, []byte(vectorSecret))
				mac.Write([]byte(vectorTimestamp + "."))
				mac.Write(body)
				mac.Sum(nil)
			}
		})
	}
}
