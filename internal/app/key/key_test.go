package key

import (
	"bytes"
	"encoding/hex"
	"testing"
)

func TestDerivedKeysStayTheSame(t *testing.T) {
	secret := []byte("a secret of a test, long enough for it")
	cursors, err := Derive(secret, "page cursors")
	if err != nil {
		t.Fatal(err)
	}
	// Computed by another implementation (Python, hmac): another key would make all cursors invalid.
	if got := hex.EncodeToString(cursors); got != "9b6f24baa4a5d40860a2a9d7401252235f2bd62e7f00cb6d9e5b8d375e0e1a3e" {
		t.Errorf("the key of page cursors is %s", got)
	}
	for _, other := range []struct{ secret, use string }{{"a secret of a test, long enough for it", "links in mails"}, {"another secret of a test, long enough", "page cursors"}} {
		if k, err := Derive([]byte(other.secret), other.use); err != nil || bytes.Equal(k, cursors) {
			t.Errorf("%q for %q: %x, %v", other.secret, other.use, k, err)
		}
	}
}
