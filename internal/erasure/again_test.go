package erasure_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/erasure"
	"rapport/internal/ingest"
	"rapport/internal/social"
)

type item = map[string]types.AttributeValue

// items are all items of the table.
func (x *world) items() []item {
	x.t.Helper()
	var out []item
	p := dynamodb.NewScanPaginator(x.table.DB, &dynamodb.ScanInput{TableName: &x.table.Name, ConsistentRead: aws.Bool(true)})
	for p.HasMorePages() {
		page, err := p.NextPage(context.Background())
		if err != nil {
			x.t.Fatal(err)
		}
		out = append(out, page.Items...)
	}
	return out
}

func ofErasure(it item) bool {
	return strings.HasPrefix(it["PK"].(*types.AttributeValueMemberS).Value, w+"#T")
}

// restore makes the table what it was, but for tombstones and receipts, which
// are carried over. The bucket stays as it is.
func (x *world) restore(backup []item) {
	x.t.Helper()
	for _, it := range x.items() {
		if ofErasure(it) {
			continue
		}
		if _, err := x.table.DB.DeleteItem(x.t.Context(), &dynamodb.DeleteItemInput{TableName: &x.table.Name, Key: item{"PK": it["PK"], "SK": it["SK"]}}); err != nil {
			x.t.Fatal(err)
		}
	}
	for _, it := range backup {
		if _, err := x.table.DB.PutItem(x.t.Context(), &dynamodb.PutItemInput{TableName: &x.table.Name, Item: it}); err != nil {
			x.t.Fatal(err)
		}
	}
}

// again lists the demands of those who stand there again.
func (x *world) again() []ingest.Erase {
	x.t.Helper()
	var out []ingest.Erase
	looked := 0
	err := erasure.Again(x.t.Context(), x.store, key, w, func(m ingest.Erase) error { out = append(out, m); return nil }, func(n int) { looked = n })
	if err != nil {
		x.t.Fatal(err)
	}
	if accounts, err := x.store.Accounts(x.t.Context(), w, "", 1000); err != nil || looked != len(accounts) {
		x.t.Errorf("%d of %d accounts looked at, %v", looked, len(accounts), err)
	}
	return out
}

// repeated are the demands as Again gives them.
func repeated(ms ...ingest.Erase) []ingest.Erase {
	for i := range ms {
		ms[i].Reason = "restored from a backup"
	}
	return ms
}

// lasting is everything but receipts, which add up, and lines of the list of
// parked deliveries whose body is gone: a restore brings them back, and by the
// body's place alone they are not found (docs/erasure.md).
func lasting(all map[string]string) map[string]string {
	out := without(all, w+"#T | ")
	for k, v := range out {
		_, object, parked := strings.Cut(v, " Object:")
		object, _, _ = strings.Cut(object, " ")
		if _, there := all[object]; parked && strings.HasPrefix(k, w+"#K#") && !there {
			delete(out, k)
		}
	}
	return out
}

// A table is restored as of an instant before an erasure: who was erased is
// found and erased again, and in the end all is as it was after the erasure.
func TestErasedAgainAfterARestore(t *testing.T) {
	everyone := demand
	everyone.ID = ""
	items := 0
	for name, m := range map[string]ingest.Erase{"account": demand, "scope": everyone} {
		t.Run(name, func(t *testing.T) {
			x := settled(t)
			if found := x.again(); len(found) != 0 {
				t.Errorf("before anybody was erased: %+v", found)
			}
			backup := x.items()
			x.forget(m)
			want := x.everything()
			if found := x.again(); len(found) != 0 {
				t.Errorf("after an erasure: %+v", found)
			}
			x.restore(backup)
			if len(x.facts(account(ann))) == 0 || len(x.facts(account("bob-0001"))) == 0 {
				t.Fatal("nobody stands there again")
			}
			found := x.again()
			if d := cmp.Diff(repeated(m), found); d != "" {
				t.Fatalf("found (-want +got)\n%s", d)
			}
			for _, f := range found {
				x.forget(f)
			}
			if d := cmp.Diff(lasting(want), lasting(x.everything())); d != "" {
				t.Errorf("(-after the erasure +erased again)\n%s", d)
			}
			items += len(want)
			if found := x.again(); len(found) != 0 {
				t.Errorf("again: %+v", found)
			}
			receipts, _, err := x.store.Receipts(t.Context(), w, "", 10)
			if err != nil || len(receipts) != 1 || !receipts[0].Done || receipts[0].Reason != m.Reason {
				t.Errorf("receipts %+v, %v", receipts, err)
			}
		})
	}
	drill.Show(t, "restored beside the tombstones of one account, and of everyone of a scope: found and erased again, the same %d items and objects as after the first time", items)
}

// Whoever was erased and came back stays with what came afterwards.
func TestWhoCameBackStaysAfterARestore(t *testing.T) {
	x := settled(t)
	backup := x.items()
	x.forget(demand)
	x.restore(backup)
	x.ingest(1, x.message(demanded.Add(time.Hour), said(ann, "n1", "", 600+70)))
	found := x.again()
	if d := cmp.Diff(repeated(demand), found); d != "" {
		t.Fatalf("found (-want +got)\n%s", d)
	}
	x.forget(found[0])
	if facts := x.facts(account(ann)); len(facts) != 1 || facts[0].Object.ID != "n1" {
		t.Errorf("left %+v", facts)
	}
	if len(x.facts(elsewhere)) != 1 { // the same id in another room
		t.Error("somebody else's facts are gone")
	}
	if found := x.again(); len(found) != 0 {
		t.Errorf("who came back is found: %+v", found)
	}
}

// The search ends in the middle, and so does an erasure that it queued: begun
// anew, both come to the end they would have come to.
func TestAgainKilledInTheMiddle(t *testing.T) {
	bob := demand
	bob.ID = "bob-0001"
	x := settled(t)
	backup := x.items()
	x.forget(demand)
	x.forget(bob)
	want := x.everything()
	x.restore(backup)

	killed := errors.New("killed")
	var first []ingest.Erase
	err := erasure.Again(t.Context(), x.store, key, w, func(m ingest.Erase) error {
		if len(first) > 0 {
			return killed
		}
		first = append(first, m)
		return nil
	}, func(int) { t.Error("a page is told as done that is not") })
	if !errors.Is(err, killed) || len(first) != 1 {
		t.Fatalf("found %+v, %v", first, err)
	}
	// The facts are gone when the function dies in the archive.
	e := x.erasure()
	e.Archive = nil
	func() {
		defer func() {
			if recover() == nil {
				t.Error("it needed no archive")
			}
		}()
		t.Error(e.Forget(t.Context(), first[0]))
	}()
	gone := social.AccountRef{Platform: "standard", Scope: "forum-one", ID: first[0].ID}.AccountID()
	if len(x.facts(gone)) != 0 {
		t.Error("the facts are still there")
	}
	rest := x.again()
	if len(rest) != 1 || rest[0].ID == first[0].ID {
		t.Fatalf("the rest: %+v", rest)
	}
	x.forget(first[0]) // the queue hands it out again
	x.forget(rest[0])
	if d := cmp.Diff(lasting(want), lasting(x.everything())); d != "" {
		t.Errorf("(-after the erasures +erased again)\n%s", d)
	}
	if found := x.again(); len(found) != 0 {
		t.Errorf("again: %+v", found)
	}
}
