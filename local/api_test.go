package local

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// TestGateway holds the deployed HTTP API to what needs a token and what does not.
func TestGateway(t *testing.T) {
	s, _ := openStack(t)
	for _, row := range []struct {
		name, method, path string
		header             map[string]string
		want               int
	}{
		{"data without a token", "GET", "/v1/workspaces", nil, 401},
		{"a change without a token", "POST", "/v1/workspaces", nil, 401},
		{"data with a token of nobody", "GET", "/v1/workspaces", map[string]string{"Authorization": "Bearer a.b.c"}, 401},
		{"the contract", "GET", "/v1/openapi.json", nil, 200},
		{"a preflight carries no token", "OPTIONS", "/v1/workspaces", map[string]string{
			"Origin": "http://localhost:5173", "Access-Control-Request-Method": "POST",
			"Access-Control-Request-Headers": "authorization"}, 204},
		{"a hook of an unknown app", "POST", "/hooks/nobody", nil, 404},
		{"a route that is not there", "GET", "/nothing-here", nil, 404},
	} {
		t.Run(row.name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), row.method, s.BaseURL+row.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range row.header {
				req.Header.Set(k, v)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != row.want {
				t.Errorf("%s %s: got %d, want %d", row.method, row.path, res.StatusCode, row.want)
			}
			if row.want == 401 && (res.Header.Get("Content-Type") != "application/problem+json" || !strings.HasPrefix(res.Header.Get("WWW-Authenticate"), "Bearer")) {
				t.Errorf("the 401 is not our own: %v", res.Header)
			}
			if row.method == "OPTIONS" && res.Header.Get("Access-Control-Allow-Origin") != row.header["Origin"] {
				t.Errorf("allowed origin: got %q", res.Header.Get("Access-Control-Allow-Origin"))
			}
		})
	}
}

// TestClientAtTheAPIsAddress: AWS clients that say 127.0.0.1, where the API
// answers, still reach the services.
func TestClientAtTheAPIsAddress(t *testing.T) {
	s, cfg := openStack(t)
	cfg.BaseEndpoint = aws.String(s.BaseURL)
	out, err := dynamodb.NewFromConfig(cfg).DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &s.Table})
	if err != nil {
		t.Fatal(err)
	}
	if got := *out.Table.TableName; got != s.Table {
		t.Errorf("table: got %q, want %q", got, s.Table)
	}
}
