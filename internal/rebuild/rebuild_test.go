package rebuild_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"rapport/internal/drill"
	"rapport/internal/rebuild"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/store/storetest"
	"rapport/internal/view"
	"rapport/internal/view/all"
	"rapport/internal/view/viewtest"
)

const w = "acme"

func now() time.Time { return time.Date(2026, 10, 20, 8, 0, 0, 0, time.UTC) }

func views(s *store.Store) []view.View { return all.Views(s, now) }

// filled is a table with facts and their views.
func filled(t *testing.T) (*rebuild.Rebuild, storetest.Table) {
	t.Helper()
	return filledWith(t, viewtest.Facts(1, 20))
}

func filledWith(t *testing.T, facts []social.Activity) (*rebuild.Rebuild, storetest.Table) {
	t.Helper()
	s, table := storetest.NewTable(t)
	for _, p := range scoring.Presets()[:3] { // of models with horizons of their own
		model, err := json.Marshal(p.Model)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PublishModel(t.Context(), w, p.Model.ID, store.Document{Version: "1", Published: now(), Body: model}); err != nil {
			t.Fatal(err)
		}
	}
	come(t, s, facts)
	return &rebuild.Rebuild{Store: s, Views: views, Now: now}, table
}

// come stores facts and makes their views, one after the other.
func come(t *testing.T, s *store.Store, as []social.Activity) {
	t.Helper()
	for _, a := range as {
		put(t, s, a)
	}
}

func put(t *testing.T, s *store.Store, a social.Activity) {
	t.Helper()
	if err := s.PutAccount(t.Context(), w, a); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutActivity(t.Context(), w, a); err != nil {
		t.Fatal(err)
	}
	for _, v := range views(s) {
		if err := v.Keep(t.Context(), w, []view.Fact{view.FactOf(a)}); err != nil {
			t.Fatal(err)
		}
	}
}

func change(t *testing.T, table storetest.Table, pk, sk, set string, values map[string]types.AttributeValue) {
	t.Helper()
	if _, err := table.DB.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: &table.Name,
		Key:              map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk}},
		UpdateExpression: &set, ExpressionAttributeValues: values,
	}); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, r *rebuild.Rebuild, s rebuild.State) rebuild.State {
	t.Helper()
	s, err := r.Run(t.Context(), s, time.Time{}, func(rebuild.State) {})
	if err != nil || s.Phase != rebuild.Done {
		t.Fatalf("%s, %v", s, err)
	}
	return s
}

// leftovers lists what a rebuild left beside the views.
func leftovers(t *testing.T, table storetest.Table) (out []string) {
	for k := range table.Dump(t) {
		if strings.HasPrefix(k, store.Rebuilt(w)) {
			out = append(out, k)
		}
	}
	return out
}

func TestDamageIsFoundNamedAndMended(t *testing.T) {
	r, table := filled(t)
	sound := run(t, r, rebuild.State{Workspace: w})
	if sound.Different() != 0 || sound.Accounts != 6 || sound.Facts < 20 {
		t.Errorf("what is sound: %s", sound)
	}
	for _, name := range []string{"conversation", "day", "history", "lead"} {
		if sound.Views[name] == nil || sound.Views[name].Same == 0 {
			t.Errorf("nothing of the view %s was compared: %s", name, sound)
		}
	}
	if left := leftovers(t, table); len(left) > 0 {
		t.Errorf("left: %q", left)
	}

	// One item of each kind: another, one too few, one too many.
	damaged := 0
	for k := range table.Dump(t) {
		pk, sk, _ := strings.Cut(k, " | ")
		key := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk}}
		switch {
		case strings.HasPrefix(pk, w+"#P#") && damaged&1 == 0: // a lead says something else
			damaged |= 1
			got, err := table.DB.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: &table.Name, Key: key})
			if err != nil {
				t.Fatal(err)
			}
			got.Item["Micro"] = &types.AttributeValueMemberN{Value: "987654321"}
			if _, err := table.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table.Name, Item: got.Item}); err != nil {
				t.Fatal(err)
			}
		case strings.HasPrefix(pk, w+"#C#") && strings.HasPrefix(sk, "M#") && damaged&2 == 0: // a message is missing
			damaged |= 2
			if _, err := table.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &table.Name, Key: key}); err != nil {
				t.Fatal(err)
			}
			key["SK"] = &types.AttributeValueMemberS{Value: "M#c#2026-10-05T09:00:00.000Z#act_nobody"} // and one is too many
			if _, err := table.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table.Name, Item: key}); err != nil {
				t.Fatal(err)
			}
		}
	}
	found := run(t, r, rebuild.State{Workspace: w})
	if c := found.Views["conversation"]; damaged != 3 || found.Different() != 3 || c.Missing != 1 || c.Extra != 1 || found.Views["lead"].Differs != 1 || len(found.Differ) != 3 {
		t.Errorf("damage: %s", found)
	}
	if mended := run(t, r, rebuild.State{Workspace: w, Mend: true}); mended.Mended != 3 || mended.Conflicts != 0 {
		t.Errorf("mended: %s", mended)
	}
	if again := run(t, r, rebuild.State{Workspace: w}); again.Different() != 0 {
		t.Errorf("after it was mended: %s", again)
	}
}

// A table is lost some time after its backup. It is restored; its views, but
// those by day, which are not mended, are lost, too, and made again; then what
// came since is replayed, from somewhat before the backup: all is as it was.
func TestRestoredFromABackup(t *testing.T) {
	r, table := filled(t)
	backup, err := table.DB.CreateBackup(t.Context(), &dynamodb.CreateBackupInput{TableName: &table.Name, BackupName: aws.String("before")})
	if err != nil {
		t.Fatal(err)
	}
	facts, before := viewtest.Facts(1, 28), len(viewtest.Facts(1, 20))
	come(t, r.Store, facts[before:])
	want := state(t, r.Store, table)
	name := table.Name + "-restored"
	if _, err := table.DB.RestoreTableFromBackup(t.Context(), &dynamodb.RestoreTableFromBackupInput{TargetTableName: &name, BackupArn: backup.BackupDetails.BackupArn}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		table.DB.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: &name})
		table.DB.DeleteBackup(context.Background(), &dynamodb.DeleteBackupInput{BackupArn: backup.BackupDetails.BackupArn})
	})
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, restored := store.New(cfg, name), storetest.Table{Name: name, DB: table.DB}
	gone := 0
	for k := range restored.Dump(t) {
		pk, sk, _ := strings.Cut(k, " | ")
		for _, v := range views(s) {
			if _, canonical := v.(view.Canonical); canonical || !v.Owns(strings.TrimPrefix(pk, w+"#"), sk) {
				continue
			}
			key := map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk}}
			if _, err := restored.DB.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: &name, Key: key}); err != nil {
				t.Fatal(err)
			}
			gone++
		}
	}
	again := &rebuild.Rebuild{Store: s, Views: views, Now: now}
	mended := run(t, again, rebuild.State{Workspace: w, Mend: true})
	if gone < 30 || mended.Mended == 0 || mended.Conflicts != 0 {
		t.Errorf("of %d views that were gone: %s", gone, mended)
	}
	come(t, s, facts[before-10:])
	if after := run(t, again, rebuild.State{Workspace: w}); after.Different() != 0 {
		t.Errorf("after what came since was replayed: %s", after)
	}
	if d := cmp.Diff(want, state(t, s, restored)); d != "" {
		t.Errorf("(-before +restored and rebuilt):\n%s", d)
	}
	drill.Show(t, "restored from a backup, %d items of views lost and made again, %d facts replayed: %d items, the same bytes as before", gone, len(facts)-before+10, len(want))
}

// state is what a table says, but for what tells of arrival; see view.ByArrival and view.Canonical.
func state(t *testing.T, s *store.Store, table storetest.Table) map[string]string {
	t.Helper()
	list, out := views(s), map[string]string{}
	for k, v := range table.DumpBut(t, func(pk, sk string) []string { return view.Arrival(list, strings.TrimPrefix(pk, w+"#"), sk) }) {
		pk, sk, _ := strings.Cut(k, " | ")
		cut := false
		for _, o := range list {
			_, canonical := o.(view.Canonical)
			cut = cut || canonical && o.Owns(strings.TrimPrefix(pk, w+"#"), sk)
		}
		if !cut {
			out[k] = v
		}
	}
	for _, o := range list {
		if c, ok := o.(view.Canonical); ok {
			says, err := c.Says(t.Context(), w)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range says {
				out[o.Name()+": "+k] = v
			}
		}
	}
	return out
}

// A lead that is to be scored again by now may be behind the facts: it is
// counted apart, and is no difference. Mending makes it anew all the same.
func TestALeadThatIsDueIsNoDifference(t *testing.T) {
	r, table := filled(t)
	for k := range table.Dump(t) {
		if pk, sk, _ := strings.Cut(k, " | "); strings.HasPrefix(pk, w+"#P#") {
			change(t, table, pk, sk, "SET Micro = :m, Due = :d", map[string]types.AttributeValue{":m": &types.AttributeValueMemberN{Value: "987654321"}, ":d": &types.AttributeValueMemberN{Value: fmt.Sprint(now().UnixMilli())}})
			break
		}
	}
	if found := run(t, r, rebuild.State{Workspace: w}); found.Different() != 0 || found.Views["lead"].Due != 1 {
		t.Errorf("due by now: %s", found)
	}
	later := *r
	later.Now = func() time.Time { return now().Add(-time.Millisecond) }
	if found := run(t, &later, rebuild.State{Workspace: w}); found.Different() != 1 || found.Views["lead"].Due != 0 {
		t.Errorf("due a moment later: %s", found)
	}
	if mended := run(t, r, rebuild.State{Workspace: w, Mend: true}); mended.Mended != 1 {
		t.Errorf("mended: %s", mended)
	}
}

// What comes while views are mended is not taken away: after each step some
// facts come, and in the end all views say what their facts give.
func TestWhatComesMeanwhileStays(t *testing.T) {
	facts := viewtest.Facts(1, 14)
	quiet := facts[0] // of somebody who does nothing more
	quiet.Actor.ID, quiet.Object.ID = "quiet", "quiet"
	r, table := filledWith(t, append(slices.Clone(facts[:len(facts)-10]), quiet))
	for k := range table.Dump(t) { // every lead is wrong, so that there is something to mend
		if pk, sk, _ := strings.Cut(k, " | "); strings.HasPrefix(pk, w+"#P#") {
			change(t, table, pk, sk, "SET Micro = :m", map[string]types.AttributeValue{":m": &types.AttributeValueMemberN{Value: "987654321"}})
		}
	}
	later := facts[len(facts)-10:]
	s, steps := rebuild.State{Workspace: w, Mend: true}, 0
	for ; s.Phase != rebuild.Done; steps++ {
		if len(later) > 0 {
			put(t, r.Store, later[0])
			later = later[1:]
		}
		var err error
		if s, err = r.Step(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range later {
		put(t, r.Store, a)
	}
	if s.Mended == 0 || steps < 8 {
		t.Errorf("in %d steps %s", steps, s) // the quiet one's lead, at least
	}
	if after := run(t, r, rebuild.State{Workspace: w}); after.Different() > s.Conflicts {
		t.Errorf("while facts came %s; afterwards %s", s, after)
	}
	if calm := run(t, r, rebuild.State{Workspace: w, Mend: true}); calm.Conflicts > 0 {
		t.Errorf("mended when nothing came: %s", calm)
	}
	if after := run(t, r, rebuild.State{Workspace: w}); after.Different() > 0 {
		t.Errorf("in the end %s", after)
	}
}

// A rebuild that is stopped after each step, and whose state goes through JSON,
// comes to the same; so does that of one account, of its own.
func TestItGoesOnWhereItWas(t *testing.T) {
	r, _ := filled(t)
	whole := run(t, r, rebuild.State{Workspace: w})
	s, steps := rebuild.State{Workspace: w}, 0
	for ; s.Phase != rebuild.Done; steps++ {
		var err error
		if s, err = r.Step(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		s = rebuild.State{}
		if err := json.Unmarshal(b, &s); err != nil {
			t.Fatal(err)
		}
	}
	if s.String() != whole.String() || steps < 6 {
		t.Errorf("in %d steps %s, at once %s", steps, s, whole)
	}
	account := social.AccountRef{Platform: "standard", ID: "asker0"}.AccountID()
	if one := run(t, r, rebuild.State{Workspace: w, Account: account}); one.Different() != 0 || one.Views["lead"] == nil || one.Views["lead"].Same != 3 {
		t.Errorf("one account: %s, want a lead by each of the three models", one)
	}
}
