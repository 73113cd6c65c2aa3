package scoring_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rapport/internal/fault"
	"rapport/internal/scoring"
	"rapport/internal/social"
)

func records(facts []social.Activity) []scoring.Record {
	out := make([]scoring.Record, len(facts))
	for i, a := range facts {
		out[i] = scoring.RecordOf(a)
	}
	return out
}

func unpack(t testing.TB, b []byte) []scoring.Record {
	t.Helper()
	out, err := scoring.Unpack(b)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordNamesItsActivityAndAccount(t *testing.T) {
	a := fact("k", social.Reply, 1, replyTo("x"), inThread("x"), text("hello"))
	a.Actor = social.Actor{ID: "7", Scope: "s", Name: "Kim"}
	r := scoring.RecordOf(a)
	if want := "8254c329a92850f6"; scoring.RecordOf(fact("k", social.Post, 1)).Ref() != want { // printf k | sha256sum
		t.Errorf("the record of the key k is %s, want %s", r.Ref(), want)
	}
	if !r.By(a.Account().AccountID()) || r.By(social.AccountRef{Platform: "meta", ID: "7"}.AccountID()) || r.By("") || r.By("acc_?") {
		t.Error("the record does not tell its account from others")
	}
	if r.InReplyTo != r.Conversation || r.InReplyTo == r.Object || r.Time() != a.Occurred {
		t.Errorf("got %+v", r)
	}
	if diff := cmp.Diff(&scoring.Rest{Text: "hello", Name: "Kim"}, r.Rest); diff != "" {
		t.Errorf("rest (-want +got):\n%s", diff)
	}
	if r := scoring.RecordOf(fact("k", social.Visit, 1)); r.Rest != nil {
		t.Errorf("got the rest %+v, want none", r.Rest)
	}
	// The parts of what is hashed can't run into one another.
	b := fact("k", social.Post, 1, object("x"))
	b.Platform, b.Scope = "me", "tapage"
	if scoring.RecordOf(b).Object == scoring.RecordOf(fact("k", social.Post, 1, object("x"))).Object {
		t.Error("objects of two platforms have the same hash")
	}
}

func TestPackedRecordsComeBack(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for n := range 60 {
		facts := randomFacts(r, n)
		want := records(facts)
		packed := scoring.Pack(want)
		got := unpack(t, packed)
		again := append(slices.Clone(want), want[:r.IntN(n+1)]...)
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
		if !bytes.Equal(packed, scoring.Pack(again)) {
			t.Fatal("repeated and in another order the bytes are others")
		}
		if !bytes.Equal(packed, scoring.Pack(got)) {
			t.Fatal("packed again, the bytes are others")
		}
		for _, x := range want {
			x.Rest = nil
			if !slices.Contains(got, x) {
				t.Fatalf("%+v did not come back", x)
			}
		}
		for _, x := range got {
			if !slices.ContainsFunc(want, func(w scoring.Record) bool { w.Rest = nil; return w == x }) {
				t.Fatalf("%+v came from nowhere", x)
			}
		}
	}
}

func TestPackedRecordsAreSmall(t *testing.T) {
	facts := life(rand.New(rand.NewPCG(5, 6)), 1000)
	if n := len(scoring.Pack(records(facts))); n > 40*len(facts) {
		t.Errorf("%d records take %d bytes, want at most 40 each", len(facts), n)
	} else {
		t.Logf("%d bytes a record", n/len(facts))
	}
}

// TestRecordsPackedBeforeAreRead: they have nine words in a form, and one flag.
func TestRecordsPackedBeforeAreRead(t *testing.T) {
	a := fact("a", social.Post, 2, intent("question"), replyTo("o1"))
	a.Language, a.Sentiment, a.Undated = "en", "neutral", false
	now := scoring.Pack(records([]social.Activity{a}))
	// The tenth word is that of the reaction, which is none: a zero before the flags.
	cutAt := bytes.Index(now, []byte("neutral"))
	flags := cutAt + len("neutral") + len("\x01\x02en") + 1 // after language and subject stands the reaction
	before := append(append([]byte{1}, now[1:flags]...), now[flags+1:]...)
	got := unpack(t, before)
	if want := unpack(t, now); !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	flagged := slices.Clone(before)
	flagged[flags] = 2
	if _, err := scoring.Unpack(flagged); !fault.Is(err, fault.Invalid) {
		t.Errorf("an automatic record of then: %v", err)
	}
}

func TestUnpackRefusesWhatPackDidNotWrite(t *testing.T) {
	a := fact("a", social.Post, 2)
	one := scoring.Pack(records([]social.Activity{a}))
	for name, b := range map[string][]byte{
		"nothing":                  {},
		"another version":          append([]byte{9}, one[1:]...),
		"a record cut off":         one[:len(one)-3],
		"a record twice":           append(slices.Clone(one), append([]byte{0}, one[7:15]...)...),
		"an unknown type":          bytes.Replace(one, []byte("post"), []byte("pest"), 1),
		"an unknown direction":     bytes.Replace(one, []byte("inbound"), []byte("unbound"), 1),
		"a huge word":              bytes.Replace(one, []byte("\x04post"), append(binary.AppendUvarint(nil, 1<<62), "post"...), 1),
		"the year 1960":            append(binary.AppendVarint([]byte{1}, -315619200000), one[7:]...),
		"the end of time":          append(binary.AppendVarint([]byte{1}, 1<<62), one[7:]...),
		"a word that is not there": append(append(slices.Clone(one[:15]), 0, 77), one[17:]...),
	} {
		if got, err := scoring.Unpack(b); !fault.Is(err, fault.Invalid) {
			t.Errorf("of %s got %d records, %v", name, len(got), err)
		}
	}
	if got := unpack(t, scoring.Pack(nil)); len(got) != 0 {
		t.Errorf("of no records got %d", len(got))
	}
}

func FuzzUnpack(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 6 {
		f.Add(scoring.Pack(records(randomFacts(r, n*n))))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := scoring.Unpack(b)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("kind %s: %v", fault.KindOf(err), err)
			}
			return
		}
		if len(got)*14 > len(b) {
			t.Errorf("%d records of %d bytes", len(got), len(b))
		}
		if again := unpack(t, scoring.Pack(got)); !slices.Equal(got, again) {
			t.Errorf("%+v\nbecame\n%+v", got, again)
		}
	})
}

// TestRecordsGiveTheSameScore: without their texts too, for models that ask
// for none.
func TestRecordsGiveTheSameScore(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	textless := 0
	for range 400 {
		m, facts := randomModel(t, r), randomFacts(r, 20+r.IntN(60))
		refs := map[string]string{}
		for _, a := range facts {
			refs[a.Key] = scoring.RecordOf(a).Ref()
		}
		want := evaluate(t, m, facts)
		for i, c := range want.Contributions {
			for j, k := range c.Evidence {
				want.Contributions[i].Evidence[j] = refs[k]
			}
			slices.Sort(c.Evidence)
		}
		list := records(facts)
		if !m.Texts() {
			textless++
			list = unpack(t, scoring.Pack(list))
		}
		got, err := scoring.EvaluateRecords(m, list, asOf)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("of records (-want +got):\n%s", diff)
		}
	}
	if textless < 100 {
		t.Errorf("only %d of 400 models do without texts", textless)
	}
}

func TestTexts(t *testing.T) {
	rule := func(expr string) string {
		return strings.Replace(questions, "intent == 'question'", expr, 1)
	}
	for expr, want := range map[string]bool{
		"intent == 'text'": false, "is_reply and hour > 3 and object_type == 'url'": false, "text == ''": true, "not (lower(trim(name)) in ['a'])": true,
		"true ? handle == 'a' : false": true, "scope in ['a', url]": true,
	} {
		if got := model(t, posts, rule(expr)).Texts(); got != want {
			t.Errorf("%s: got %t, want %t", expr, got, want)
		}
	}
	if m := model(t, posts, strings.Replace(pattern, "intent == 'question'", "text == ''", 1)); !m.Texts() {
		t.Error("a behaviour that asks for the text was not seen")
	}
}
