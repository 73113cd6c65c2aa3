// Package ses sends mail through Amazon SES.
package ses

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/sdk"
)

// sender is what is used of the SES client.
type sender interface {
	SendEmail(context.Context, *sesv2.SendEmailInput, ...func(*sesv2.Options)) (*sesv2.SendEmailOutput, error)
}

// Sender sends mail through Amazon SES.
type Sender struct {
	client sender
	set    *string
}

// New returns a sender for the account and region of cfg, by a configuration
// set, which tells of bounces and complaints ("": by none). It makes one
// attempt a mail, since the SDK's own retries could send a mail twice.
func New(cfg aws.Config, set string) *Sender {
	s := &Sender{client: sesv2.NewFromConfig(cfg, func(o *sesv2.Options) { o.Retryer, o.HTTPClient = aws.NopRetryer{}, sdk.Patient(o.HTTPClient) })}
	if set != "" {
		s.set = &set
	}
	return s
}

// Send sends m, dated date, and returns the id that SES gave it. An error
// says what became of the mail:
//
//   - mail.ErrUnknown in its chain (kind Transient): it may have been sent;
//   - kind Transient or RateLimited without it: not sent, a later try may pass;
//   - any other kind: not sent, and the same call will fail again until the
//     message (Invalid, TooLarge) or the account (Internal) is put right.
func (s *Sender) Send(ctx context.Context, m mail.Message, date time.Time) (id string, err error) {
	raw, err := m.Bytes(date)
	if err != nil {
		return "", err
	}
	out, err := s.client.SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress:     aws.String(m.From),
		ConfigurationSetName: s.set,
		Destination:          &types.Destination{ToAddresses: m.To},
		Content:              &types.EmailContent{Raw: &types.RawMessage{Data: raw}},
	})
	if err != nil {
		return "", fmt.Errorf("send mail %q: %w", m.ID, classify(err))
	}
	return aws.ToString(out.MessageId), nil
}

// classify gives an error of the SDK its kind. Only a refusal by SES (4xx),
// or a request that never left, proves that nothing was sent.
func classify(err error) error {
	if neverLeft(err) {
		return fault.Wrap(fault.Transient, err, "")
	}
	if _, ok := errors.AsType[*types.MessageRejected](err); ok {
		return fault.Wrap(fault.Invalid, err, "the mail was rejected")
	}
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		switch status := r.HTTPStatusCode(); {
		case status == http.StatusTooManyRequests:
			return fault.Wrap(fault.RateLimited, err, "")
		case status >= 400 && status < 500 && status != http.StatusRequestTimeout:
			return fault.Wrap(fault.Internal, err, "")
		}
	}
	return fault.Wrap(fault.Transient, fmt.Errorf("%w: %w", mail.ErrUnknown, err), "")
}

// neverLeft reports whether a request failed because no connection was made.
func neverLeft(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return true
	}
	_, dns := errors.AsType[*net.DNSError](err)
	return dns
}
