package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/fault"
	"rapport/internal/pattern"
	"rapport/internal/social"
	"rapport/internal/store"
)

// An Idempotency-Key is the client's name for a request: with it, a request
// that is sent again, since no answer came, is carried out once. It is known
// for a day, to whoever sent it. What is made on the way, ids and secrets, is
// made of the key, so that an attempt that died is completed by the next and
// not done beside it. Answers may hold secrets: they are kept sealed with the
// key, which itself is not kept.
const idempotencyKey = "Idempotency-Key"

var idempotencyForm = pattern.New(`^[!-~]{1,200}$`)

// attempt is a request that is being carried out once.
type attempt struct {
	store.Once
	random io.Reader
}

type attemptKey struct{}

func attemptOf(ctx context.Context) *attempt {
	a, _ := ctx.Value(attemptKey{}).(*attempt)
	return a
}

// random is where the ids and secrets of a request come from: the same for
// each attempt at the same request.
func (s *service) random(ctx context.Context) io.Reader {
	if a := attemptOf(ctx); a != nil {
		return a.random
	}
	return s.Random
}

// begun is the instant of a request: that of its first attempt.
func (s *service) begun(ctx context.Context) time.Time {
	if a := attemptOf(ctx); a != nil {
		return a.Begun
	}
	return social.Instant(s.Now())
}

// again reports whether there was an attempt at the same request before.
func again(ctx context.Context) bool {
	a := attemptOf(ctx)
	return a != nil && a.Again
}

// once lets a request of the operation be carried out once: f is called for
// those that bring no Idempotency-Key, and for the first that brings one.
func once[C, I, O any](s *service, op *huma.Operation, f func(context.Context, C, *I) (*O, error)) func(context.Context, C, *I) (*O, error) {
	op.Errors = append(op.Errors, http.StatusConflict)
	op.Parameters = append(op.Parameters, &huma.Param{Name: idempotencyKey, In: "header", Schema: &huma.Schema{Type: "string", Pattern: idempotencyForm.String()},
		Description: "A name that you make up for this request, say a UUID. Sent again with it within 24 hours, the request is not carried out again, and has the same answer; " +
			"409 while the first is under way, 422 if the name stands for another request"})
	return func(ctx context.Context, c C, in *I) (*O, error) {
		r := requestOf(ctx)
		if len(r.Header.Values(idempotencyKey)) == 0 {
			return f(ctx, c, in)
		}
		name := r.Header.Get(idempotencyKey)
		if !idempotencyForm.MatchString(name) {
			return nil, invalid("header."+idempotencyKey, "is not 1 to 200 visible characters of ASCII")
		}
		subject := callerOf(ctx).who()
		key, err := s.CursorKey(ctx)
		if err != nil {
			return nil, err
		}
		asked, err := json.Marshal(in)
		if err != nil {
			return nil, err
		}
		sum := func(what string, parts ...any) []byte {
			h := hmac.New(sha256.New, key)
			fmt.Fprintf(h, "once|%s|%q", what, parts)
			return h.Sum(nil)
		}
		o, err := s.Store.Begin(ctx, subject, hex.EncodeToString(sum("key", name)), sum("request", op.OperationID, r.URL.Path, asked), s.Now())
		switch {
		case fault.Is(err, fault.Invalid):
			return nil, invalid("header."+idempotencyKey, "stands for another request, of the last 24 hours: give each request a name of its own")
		case fault.Is(err, fault.Conflict):
			return nil, huma.ErrorWithHeaders(newProblem(http.StatusConflict, "the same request is being carried out: send it again in a moment"), http.Header{"Retry-After": {"2"}})
		case err != nil:
			return nil, err
		}
		seal, err := sealer(sum("seal", subject, name, o.Begun))
		if err != nil {
			return nil, err
		}
		if o.Answer != nil {
			plain, err := seal.Open(nil, make([]byte, seal.NonceSize()), o.Answer, nil)
			if err != nil {
				return nil, fmt.Errorf("an answer that was kept: %w", err)
			}
			out := new(O)
			return out, json.Unmarshal(plain, out)
		}
		out, err := f(context.WithValue(ctx, attemptKey{}, &attempt{o, rand.NewChaCha8([32]byte(sum("random", subject, name, o.Begun)))}), c, in)
		ctx = context.WithoutCancel(ctx)
		if err == nil {
			answer, e := json.Marshal(out)
			if e == nil { // each key seals the one answer that is kept, so its nonce may be zero
				e = s.Store.Answer(ctx, o, seal.Seal(nil, make([]byte, seal.NonceSize()), answer, nil))
			}
			if e != nil {
				slog.ErrorContext(ctx, "an answer was not kept", "operation", op.OperationID, "error", e.Error())
			}
			return out, nil
		}
		if e := s.Store.Release(ctx, o, refused(err)); e != nil {
			slog.ErrorContext(ctx, "a request was not released", "operation", op.OperationID, "error", e.Error())
		}
		return out, err
	}
}

func sealer(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
