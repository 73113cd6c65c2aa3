package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/fault"
	"rapport/internal/social"
)

// A list and a webhook tell one event under two keys, since the list knows its
// time less exactly, or not the platform's id of it. Whichever comes second is
// looked for and stored no more: the fact that is there notes its key, so that
// it stands for one telling of each precision and for no second event.
//
// Lists are rare. So an account notes the span of time in which lists told what
// it did; what a webhook tells of another time, or of another account, is not
// looked for.

// ListSpan is the span of time in which lists told what an account did: the
// instants from From up to To, without it. The zero value is none.
type ListSpan struct{ From, To time.Time }

// Holds reports whether an instant lies within the span.
func (l ListSpan) Holds(at time.Time) bool { return !at.Before(l.From) && at.Before(l.To) }

// with is the span with what a list told of an activity; what no list told changes nothing.
func (l ListSpan) with(a social.Activity) ListSpan {
	if a.Precision == social.Exactly || a.Undated {
		return l
	}
	return l.and(ListSpan{a.Occurred, a.Occurred.Add(a.Precision.Within())})
}

// and is the span from the earlier of both to the later.
func (l ListSpan) and(o ListSpan) ListSpan {
	switch {
	case l.To.IsZero():
		return o
	case o.To.IsZero():
		return l
	}
	if o.From.Before(l.From) {
		l.From = o.From
	}
	if o.To.After(l.To) {
		l.To = o.To
	}
	return l
}

func (l ListSpan) stamps() (from, to string) {
	if l.To.IsZero() {
		return "", ""
	}
	return social.Stamp(l.From), social.Stamp(l.To)
}

func listSpanOf(from, to string) (l ListSpan, err error) {
	if to == "" {
		return l, nil
	}
	if l.From, err = social.ParseStamp(from); err == nil {
		l.To, err = social.ParseStamp(to)
	}
	return l, err
}

// ListSpanOf is the span that the activities of one account make that lists told.
func ListSpanOf(facts []social.Activity) (l ListSpan) {
	for _, a := range facts {
		l = l.with(a)
	}
	return l
}

// ListSpan returns the span that an account notes, none where nothing is known of it.
func (s *Store) ListSpan(ctx context.Context, w, account string) (ListSpan, error) {
	l, _, err := s.listSpan(ctx, w, account, false)
	return l, err
}

// listSpan also reports whether the account is there, as it was a moment ago unless strong.
func (s *Store) listSpan(ctx context.Context, w, account string, strong bool) (l ListSpan, there bool, err error) {
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: key{accountPK(w, account), "@"}.av(), ProjectionExpression: aws.String("PK, ListedFrom, ListedTo"), ConsistentRead: &strong})
	if err != nil {
		return l, false, classify("get account", err)
	}
	s.readBytes(100, strong)
	l, err = listSpanOf(text(out.Item["ListedFrom"]), text(out.Item["ListedTo"]))
	return l, out.Item != nil, err
}

// NoteLists widens the span that an account notes. It goes before the facts: a
// span that is too wide costs a request now and then, one too narrow an event
// that is counted twice.
func (s *Store) NoteLists(ctx context.Context, w, account string, l ListSpan) error {
	return Again(ctx, func() error {
		was, there, err := s.listSpan(ctx, w, account, true)
		if err != nil || !there { // it is being erased: there will be no facts either
			return err
		}
		now := was.and(l)
		if now == was {
			return nil
		}
		cond, values := "attribute_exists(PK) AND attribute_not_exists(ListedTo)", map[string]types.AttributeValue{}
		if from, to := was.stamps(); to != "" {
			cond = "ListedFrom = :wasfrom AND ListedTo = :wasto"
			values[":wasfrom"], values[":wasto"] = str(from), str(to)
		}
		from, to := now.stamps()
		values[":from"], values[":to"] = str(from), str(to)
		_, err = s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{accountPK(w, account), "@"}.av(),
			UpdateExpression: aws.String("SET ListedFrom = :from, ListedTo = :to"), ConditionExpression: &cond, ExpressionAttributeValues: values})
		return classify("note listed", err)
	})
}

// Twin is a fact that can be the same event as another activity.
type Twin struct {
	social.Activity
	Taken bool // the fact notes that it is
}

// maxTwins bounds how many facts of an account about a time are looked through for twins.
const maxTwins = 100

// Twins returns the facts that can be the same event as an activity of a known
// account: one alone where it is noted, else those that are free, the earliest first. It makes one request, and
// looks through the 100 facts of the account from up to a minute before on.
func (s *Store) Twins(ctx context.Context, w string, a social.Activity) ([]Twin, error) {
	if a.Undated {
		return nil, nil
	}
	from, to := a.Occurred.Add(time.Millisecond-social.ToMinute.Within()), a.Occurred
	if p := a.Precision.Within(); p > 0 {
		to = to.Add(p - time.Millisecond)
	}
	items, err := all[activityItem](ctx, s, query{pk: accountPK(factsOf(w), a.Account().AccountID()), from: "F#" + social.Stamp(from), to: "F#" + social.Stamp(to) + "$", limit: maxTwins})
	if err != nil {
		return nil, err
	}
	var free []Twin
	for _, it := range items {
		b, err := it.activity()
		if err != nil {
			return nil, err
		}
		if b.Key == a.Key || !a.Told(b) && !b.Told(a) {
			continue
		}
		switch it.twin(a.Precision) {
		case a.Key:
			return []Twin{{b, true}}, nil
		case "":
			free = append(free, Twin{b, false})
		}
	}
	return free, nil
}

var twinAttributes = map[social.Precision]string{social.Exactly: "TwinExact", social.ToMillisecond: "TwinMillisecond", social.ToSecond: "TwinSecond", social.ToMinute: "TwinMinute"}

func (it activityItem) twin(p social.Precision) string {
	return map[social.Precision]string{social.Exactly: it.TwinExact, social.ToMillisecond: it.TwinMillisecond, social.ToSecond: it.TwinSecond, social.ToMinute: it.TwinMinute}[p]
}

// TakeTwin notes in a fact that an activity is the same event. It reports false
// where the fact is another's by now, or gone.
func (s *Store) TakeTwin(ctx context.Context, w string, fact, a social.Activity) (bool, error) {
	_, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &s.table, Key: key{accountPK(w, fact.Account().AccountID()), factSK(fact)}.av(),
		UpdateExpression: aws.String("SET #twin = :key"), ConditionExpression: aws.String("attribute_exists(PK) AND (attribute_not_exists(#twin) OR #twin = :key)"),
		ExpressionAttributeNames: map[string]string{"#twin": twinAttributes[a.Precision]}, ExpressionAttributeValues: map[string]types.AttributeValue{":key": str(a.Key)}})
	if err = classify("take twin", err); fault.Is(err, fault.Conflict) {
		return false, nil
	}
	return err == nil, err
}
