package app_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"rapport/internal/app/api"
	"rapport/internal/secret"
	"rapport/internal/store/storetest"
)

func TestAPINamesEveryMissingVariable(t *testing.T) {
	_, err := api.New(t.Context(), func(string) string { return "" })
	if err == nil {
		t.Fatal("built without an environment")
	}
	for _, name := range []string{"TABLE", "BUCKET", "SECRETS_PREFIX", "ISSUER", "JWKS_URL", "CLIENT_ID", "REPORT_FUNCTION", "DISCOVER_FUNCTION", "ERASURE_KEY_SECRET"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %q", name, err)
		}
	}
	if strings.Contains(err.Error(), "PUBLIC_URL") {
		t.Error("PUBLIC_URL may be empty")
	}
}

// TestAPIFromEventToTable goes the whole way: an event of the gateway, a
// signed token, the table, the parameter store and the cursor's key.
func TestAPIFromEventToTable(t *testing.T) {
	s, table := storetest.NewTable(t)
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sm, name := secretsmanager.NewFromConfig(cfg), "test-"+strings.ToLower(rand.Text())
	if _, err := sm.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String(strings.Repeat("k", 64))}); err != nil && !strings.Contains(err.Error(), "already exists") { // sent again by the SDK
		t.Fatal(err)
	}
	q, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-q")})
	if err != nil {
		t.Fatal(err)
	}
	queues := sqs.NewFromConfig(cfg)
	imports, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(table.Name + "-imports")})
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	jwks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"keys": []any{map[string]string{"kty": "RSA", "alg": "RS256", "kid": "k", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}}})
	}))
	defer jwks.Close()
	claims, _ := json.Marshal(map[string]any{"iss": "https://issuer.example", "sub": "ann", "token_use": "access", "client_id": "c", "exp": time.Now().Add(time.Hour).Unix()})
	token := b64([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + b64(claims)
	sum := sha256.Sum256([]byte(token))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	token += "." + b64(sig)

	env := map[string]string{"TABLE": table.Name, "BUCKET": "b", "SECRETS_PREFIX": "/" + name + "/", "ISSUER": "https://issuer.example", "JWKS_URL": jwks.URL, "CLIENT_ID": "c",
		"REPORT_FUNCTION": name + "-no-such-function", "DISCOVER_FUNCTION": name + "-no-such-function",
		"REPLAYS_QUEUE_URL": "q", "IMPORTS_QUEUE_URL": *imports.QueueUrl, "SCORING_QUEUE_URL": "q", "FEEDBACK_QUEUE_URL": "q", "ERASE_QUEUE_URL": "q", "ERASURE_KEY_SECRET": name, "BULK_QUEUE_URL": *q.QueueUrl}
	h, err := api.New(t.Context(), func(k string) string { return env[k] })
	if err != nil {
		t.Fatal(err)
	}
	send := func(method, path, query, body string) events.APIGatewayV2HTTPResponse {
		t.Helper()
		e := events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query, Body: body, Headers: map[string]string{"authorization": "Bearer " + token, "content-type": "application/json", "host": "api.example.com"}}
		e.RequestContext.Stage, e.RequestContext.HTTP.Method = "$default", method
		out, err := h(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if r := send("POST", "/v1/workspaces", "", `{"id":"acme","name":"Acme","time_zone":"UTC"}`); r.StatusCode != 201 {
		t.Fatalf("%d %s", r.StatusCode, r.Body)
	}
	r := send("POST", "/v1/workspaces/acme/sources", "", `{"platform":"meta","name":"Page","scope":"1","secret":"0123456789abcdef"}`)
	var src struct {
		App     string `json:"app"`
		HookURL string `json:"hook_url"`
	}
	if err := json.Unmarshal([]byte(r.Body), &src); err != nil || r.StatusCode != 201 || src.HookURL != "https://api.example.com/hooks/"+src.App {
		t.Fatalf("%d %s", r.StatusCode, r.Body)
	}
	kept, err := secret.New(cfg, env["SECRETS_PREFIX"]).App(t.Context(), src.App)
	if err != nil || len(kept.Keys) != 1 || kept.Keys[0] != "0123456789abcdef" {
		t.Errorf("the secret that intake reads: %v", err)
	}
	if a, err := s.App(t.Context(), src.App); err != nil || a.Owner != "acme" {
		t.Errorf("app %+v, %v", a, err)
	}
	// The cursor's key is fetched when the first cursor is read: one of ours is refused for what it is.
	if r := send("GET", "/v1/workspaces/acme/leads", "cursor=AAAA", ""); r.StatusCode != 422 {
		t.Errorf("%d %s", r.StatusCode, r.Body)
	}
	// A refit takes minutes: it stands before no source check, in the queue of replays.
	if r := send("POST", "/v1/workspaces/acme/reader/refits", "", ""); r.StatusCode != 201 {
		t.Errorf("%d %s", r.StatusCode, r.Body)
	}
	if got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: imports.QueueUrl}); err != nil || len(got.Messages) != 1 || !strings.Contains(*got.Messages[0].Body, `"rft_`) {
		t.Errorf("the queue of imports holds %+v, %v", got, err)
	}
	if r := send("POST", "/v1/workspaces/acme/theme-sets", "", `{}`); r.StatusCode != 503 || strings.Contains(r.Body, name) {
		t.Errorf("a function that is not there: %d %s", r.StatusCode, r.Body)
	}
}
