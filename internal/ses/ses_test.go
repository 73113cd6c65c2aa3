package ses_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"rapport/internal/fault"
	"rapport/internal/mail"
	"rapport/internal/ses"
)

var sent = time.Date(2026, 11, 23, 8, 0, 3, 999, time.FixedZone("", 3600))

func message() mail.Message {
	return mail.Message{From: "reports@rapport.example", To: []string{"ana@nordlicht.example", "o'neil+weekly@nordlicht.example"},
		Subject: "Nordlicht Bikes: 41 people raised 4 issues", HTML: "<p>Grüße = 1</p>", Text: "Grüße = 1", ID: "rep_2026w47"}
}

func raw(t *testing.T, m mail.Message) []byte {
	t.Helper()
	b, err := m.Bytes(sent)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// server returns a sender that speaks to h in place of Amazon SES, and the number of requests that h had.
func server(t *testing.T, h http.HandlerFunc) (sender *ses.Sender, requests *int) {
	t.Helper()
	requests = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests++
		h(w, r)
	}))
	t.Cleanup(server.Close)
	return at(server.URL), requests
}

func at(endpoint string) *ses.Sender {
	return ses.New(aws.Config{Region: "eu-central-1", BaseEndpoint: aws.String(endpoint), Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "")}, "bounces")
}

func TestSendHandsOverTheRawMessage(t *testing.T) {
	var got struct {
		FromEmailAddress, ConfigurationSetName string
		Destination                            struct{ ToAddresses []string }
		Content                                struct{ Raw struct{ Data []byte } }
	}
	s, requests := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(body, &got)
		}
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write([]byte(`{"MessageId": "0102"}`))
	})
	m := message()
	id, err := s.Send(t.Context(), m, sent)
	if err != nil || id != "0102" {
		t.Fatalf("Send = %q, %v", id, err)
	}
	if got.FromEmailAddress != m.From || got.ConfigurationSetName != "bounces" || !slices.Equal(got.Destination.ToAddresses, m.To) || string(got.Content.Raw.Data) != string(raw(t, m)) {
		t.Errorf("SES was handed %+v", got)
	}
	if *requests != 1 {
		t.Errorf("%d requests, want 1", *requests)
	}
}

func TestMessageThatIsRefusedIsNotSent(t *testing.T) {
	s, requests := server(t, func(http.ResponseWriter, *http.Request) {})
	m := message()
	m.To = []string{"A <a@b.example>"}
	if _, err := s.Send(t.Context(), m, sent); !fault.Is(err, fault.Invalid) || *requests != 0 {
		t.Errorf("error %v after %d requests, want one of kind invalid after none", err, *requests)
	}
}

func TestErrorSaysWhetherTheMailMayHaveBeenSent(t *testing.T) {
	answer := func(status int, kind string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amzn-ErrorType", kind)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"message": "no"}`))
		}
	}
	for _, tt := range []struct {
		name    string
		handler http.HandlerFunc
		kind    fault.Kind
		unknown bool
	}{
		{"rejected", answer(400, "MessageRejected"), fault.Invalid, false},
		{"sender not verified", answer(400, "MailFromDomainNotVerifiedException"), fault.Internal, false},
		{"access denied", answer(403, "AccessDeniedException"), fault.Internal, false},
		{"too many requests", answer(429, "TooManyRequestsException"), fault.RateLimited, false},
		{"request timed out", answer(408, "RequestTimeout"), fault.Transient, true},
		{"internal error of SES", answer(500, "InternalServiceErrorException"), fault.Transient, true},
		{"an answer that can't be read", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, fault.Transient, true},
		{"connection lost after the request", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Transient, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, requests := server(t, tt.handler)
			_, err := s.Send(t.Context(), message(), sent)
			if !fault.Is(err, tt.kind) || errors.Is(err, mail.ErrUnknown) != tt.unknown {
				t.Errorf("error %v of kind %s, want %s, unknown %v", err, fault.KindOf(err), tt.kind, tt.unknown)
			}
			if *requests != 1 {
				t.Errorf("%d requests, want 1: a second one could send twice", *requests)
			}
		})
	}
	t.Run("no connection", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		_, err := at(server.URL).Send(t.Context(), message(), sent)
		if !fault.Is(err, fault.Transient) || errors.Is(err, mail.ErrUnknown) {
			t.Errorf("error %v of kind %s, want a transient one that is sure", err, fault.KindOf(err))
		}
	})
}
