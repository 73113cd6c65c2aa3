package ingest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"rapport/internal/ingest"
	"rapport/internal/platform"
	"rapport/internal/social"
	"rapport/internal/store"
)

// TestTwoIDsOfOneAccount: WhatsApp names a person by a number, and later by a
// user id beside it: both accounts are one person's, said once, whichever came
// first, and not of who was erased.
func TestTwoIDsOfOneAccount(t *testing.T) {
	const contact = `{"profile":{"name":"Sam Example"},"wa_id":"15550007777"%s}`
	body := func(id, user string) string {
		return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":"300","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"400"},
			"contacts":[`+contact+`],"messages":[{"from":"15550007777","id":"wamid.%s","timestamp":"1791187200","type":"text","text":{"body":"Is it in stock?"}}]}}]}]}`, user, id)
	}
	ref := func(id string) string {
		return social.AccountRef{Platform: "meta", Scope: "whatsapp", ID: id}.AccountID()
	}
	number, user := ref("15550007777"), ref("US.77")
	for _, order := range [][2]string{{"", `,"user_id":"US.77"`}, {`,"user_id":"US.77"`, ""}} {
		d := newDesk(t)
		if err := d.store.CreateSource(t.Context(), store.App{ID: "app2", Owner: w, Platform: "meta"}, true, store.Source{ID: "src2", Workspace: w, App: "app2", Platform: "meta", Scope: "400", Created: received}); err != nil {
			t.Fatal(err)
		}
		send := func(id, user string) {
			t.Helper()
			b, _ := json.Marshal(platform.Delivery{App: "app2", Received: received, Request: platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body(id, user))}})
			if failed := d.Batch(t.Context(), []ingest.Message{{ID: id, Body: b, Received: 1}}); len(failed) > 0 {
				t.Fatal(failed)
			}
		}
		send("1", order[0])
		send("2", order[1])
		send("3", `,"user_id":"US.77"`)
		asked := 0
		for _, m := range d.scores {
			if slices.Contains(m.Regroup, number) {
				asked++
			}
		}
		for _, account := range []string{number, user} {
			known, err := d.store.Links(t.Context(), w, account)
			if err != nil || len(known) != 1 || !slices.Contains(known[0].One, number) || !slices.Contains(known[0].Other, user) {
				t.Errorf("order %q: of %s is known %+v, %v", order, account, known, err)
			}
		}
		if asked != 1 {
			t.Errorf("order %q: grouping was asked for %d times", order, asked)
		}
		_, after, err := d.store.Regroup(t.Context(), w, number)
		if err != nil || len(after) != 1 || len(after[0].Accounts) != 2 {
			t.Errorf("persons: %+v, %v", after, err)
		}
	}

	d := newDesk(t)
	if err := d.store.CreateSource(t.Context(), store.App{ID: "app2", Owner: w, Platform: "meta"}, true, store.Source{ID: "src2", Workspace: w, App: "app2", Platform: "meta", Scope: "400", Created: received}); err != nil {
		t.Fatal(err)
	}
	d.erased = map[string]time.Time{number: received.AddDate(-1, 0, 0)}
	b, _ := json.Marshal(platform.Delivery{App: "app2", Received: received, Request: platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body("4", `,"user_id":"US.77"`))}})
	if failed := d.Batch(t.Context(), []ingest.Message{{ID: "4", Body: b, Received: 1}}); len(failed) > 0 {
		t.Fatal(failed)
	}
	if known, err := d.store.Links(t.Context(), w, user); err != nil || len(known) != 0 {
		t.Errorf("of who was erased is known %+v, %v", known, err)
	}
}
