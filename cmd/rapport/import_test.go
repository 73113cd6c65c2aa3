package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const toImport = "email;name;type;date\nana@contoso.com;Ana;visit;1.11.25 9:00\nbo@contoso.com;Bo;visit;13.11.2025 9:00\n"

func TestImportDryRun(t *testing.T) {
	got := call(toImport, "import", "--dry-run", "--zone", "Europe/Berlin")
	rows := lines[importedLine](t, got.out)
	if got.code != exitRefused || len(rows) != 3 || rows[0].Result != "refused" || !strings.Contains(rows[0].Error, "--dates") || rows[1].Result != "would_import" ||
		rows[1].Says == nil || rows[1].Says.Contact.Name != "Bo" || rows[1].Says.Activities[0].Occurred != "2025-11-13T08:00:00.000Z" || rows[1].Line != 3 {
		t.Errorf("exit %d: %s", got.code, got.out)
	}
	var sum importSummary
	last := strings.Split(strings.TrimSpace(got.out), "\n")[2]
	if err := json.Unmarshal([]byte(last), &sum); err != nil || sum.Rows != 2 || sum.WouldImport != 1 || sum.Refused != 1 || sum.Contacts != 1 || sum.Activities != 1 || sum.Format != "csv" || len(sum.Notes) != 1 {
		t.Errorf("%s, %v", last, err)
	}
	if got := call(toImport, "import", "--dry-run", "--zone", "Europe/Berlin", "--dates", "dmy"); got.code != exitOK {
		t.Errorf("exit %d: %s", got.code, got.out)
	}
	if got := call("PK\x03\x04", "import", "--dry-run"); got.code != exitFailed || !strings.Contains(got.err, "save it as CSV UTF-8") {
		t.Errorf("exit %d: %s", got.code, got.err)
	}
	for _, args := range [][]string{{"import"}, {"import", "--url", "http://h"}, {"import", "--dry-run", "--dates", "dym"}, {"import", "--dry-run", "--zone", "CST"}, {"import", "--dry-run", "--from-row", "0"}} {
		if got := call("", args...); got.code != exitMisuse {
			t.Errorf("%q: exit %d: %s", args, got.code, got.err)
		}
	}
}

// Rows are sent by the hundred, sent again where there is no answer, and gone on with where it ended.
func TestImportSendsRows(t *testing.T) {
	var list strings.Builder
	list.WriteString("email\n")
	for n := range 250 {
		fmt.Fprintf(&list, "p%d@contoso.com\n", n+1)
	}
	list.WriteString("null\n")
	calls, broken := 0, 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		if r.URL.Path != "/v1/workspaces/acme/imports/rows" || r.Header.Get("Authorization") != "Bearer rk_1" {
			t.Errorf("%s %q", r.URL, r.Header)
		}
		if calls == 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if calls == broken {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"title":"Forbidden"}`)
			return
		}
		var body struct {
			Source string
			Rows   []struct{ Contact struct{ Emails []string } }
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body.Source != "import" || len(body.Rows) > 100 {
			t.Errorf("%+v, %v", body, err)
		}
		var out struct {
			Rows []importAnswer `json:"rows"`
		}
		for _, row := range body.Rows {
			a := importAnswer{Result: "imported", Person: "per_" + row.Contact.Emails[0]}
			out.Rows = append(out.Rows, a)
		}
		json.NewEncoder(w).Encode(out)
	}))
	defer s.Close()
	args := []string{"import", "--url", s.URL, "--workspace", "acme", "--key-file", file(t, "key", "rk_1\n")}
	got := call(list.String(), args...)
	rows := lines[importedLine](t, got.out)
	if got.code != exitRefused || calls != 4 || len(rows) != 252 || rows[249].Person != "per_p250@contoso.com" || rows[249].Row != 250 || rows[250].Result != "refused" {
		t.Errorf("exit %d after %d calls, %d rows: %s", got.code, calls, len(rows), got.err)
	}
	calls, broken = 10, 13
	if got := call(list.String(), args...); got.code != exitFailed || !strings.Contains(got.err, "the API answered 403") || !strings.Contains(got.err, "go on with --from-row 201") || strings.Count(got.out, "\n") != 200 {
		t.Errorf("exit %d: %s", got.code, got.err)
	}
	calls, broken = 10, 0
	if got := call(list.String(), append(args, "--from-row", "201")...); strings.Count(got.out, "\n") != 52 || !strings.HasPrefix(got.out, `{"type":"row","row":201,"line":202,"result":"imported"`) {
		t.Errorf("exit %d: %.200s", got.code, got.out)
	}
}
