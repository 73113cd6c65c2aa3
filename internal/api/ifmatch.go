package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
)

// IfMatch is the part of a request that lets it change only what the caller
// has seen. What is written then is written on condition that it is as it was
// read, so that of two who change the same state one is told.
type IfMatch struct {
	IfMatch string `header:"If-Match" maxLength:"400" example:"\"8c1f0a9d3b6e47a2c5d0e1f2\"" doc:"Change it only if its state is the one of this ETag, as it was read; without it, whatever its state"`
}

func (m IfMatch) given() bool { return m.IfMatch != "" }

var errChanged = newProblem(http.StatusPreconditionFailed, "it has changed since, or is not there: get it again, and decide again")

// holds refuses with 412 unless the header names the state of what is there,
// as it is answered where it is read (RFC 9110, 13.1.1).
func (m IfMatch) holds(there any) error {
	var b bytes.Buffer
	if err := huma.DefaultJSONFormat.Marshal(&b, there); err != nil {
		return err
	}
	tag := etagOf(b.Bytes())
	for t := range strings.SplitSeq(m.IfMatch, ",") {
		if t = strings.TrimSpace(t); t == "*" || t == tag {
			return nil
		}
	}
	return errChanged
}

// changedIf is err, or 412 where somebody else wrote in between.
func changedIf(err error) error {
	if fault.Is(err, fault.Conflict) {
		return errChanged
	}
	return err
}

// etagOf is the strong ETag of an answer.
func etagOf(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + hex.EncodeToString(sum[:12]) + `"`
}
