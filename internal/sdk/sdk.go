// Package sdk mends what the AWS SDK gets wrong, for the packages that call AWS.
package sdk

import (
	"io"
	"net/http"
)

// Doer sends requests, as the SDK's clients want it.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Patient returns a client that doesn't lose answers on a busy processor.
//
// The SDK closes a request's body as soon as the answer begins, and its bodies
// then say io.EOF where net/http, which may be about to look whether something
// follows the body's last byte, expects nil (io.WriterTo). So net/http closes
// the connection, the answer is lost, and the SDK sends the request again: a
// conditional write then meets its own first try. Read as plain readers,
// closed bodies end as they should. https://github.com/aws/aws-sdk-go-v2/issues/2737
func Patient(c Doer) Doer { return patient{c} }

type patient struct{ next Doer }

func (p patient) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body = plain{r.Body}
	}
	return p.next.Do(r)
}

// plain hides that a body can write itself.
type plain struct{ io.ReadCloser }
