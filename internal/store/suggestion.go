package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rapport/internal/parallel"
	"rapport/internal/social"
)

// Suggestion says that two accounts may be one person's, and why. It stands
// with both until somebody decides about them, or a profile says otherwise.
type Suggestion struct {
	One, Other  string // accounts, the lesser first
	At          time.Time
	Probability float64
	Reasons     []string // in words
	Place       string   // in the list of Suggestions
}

// ID is the id of a suggestion about two accounts.
func (x Suggestion) ID() string { return social.HashID("sug", social.Key(x.One, x.Other)) }

type suggestionItem struct {
	PK, SK      string
	G1PK        string `dynamodbav:",omitempty"`
	G1SK        string `dynamodbav:",omitempty"`
	Schema      int
	At          string
	Probability float64
	Reasons     []string
}

// maxSuggestionsOf bounds how many suggestions are about one account: each of
// others may have found it.
const maxSuggestionsOf = 1_000

func (it suggestionItem) suggestion() (Suggestion, error) {
	a, b := lastPart(it.PK), strings.TrimPrefix(it.SK, suggestions)
	at, err := social.ParseStamp(it.At)
	return Suggestion{One: min(a, b), Other: max(a, b), At: at, Probability: it.Probability, Reasons: it.Reasons, Place: it.G1SK}, err
}

// PutSuggestion stores a suggestion with both accounts, in place of one that is there.
func (s *Store) PutSuggestion(ctx context.Context, w string, x Suggestion) error {
	var writes []types.TransactWriteItem
	for _, side := range [][2]string{{x.One, x.Other}, {x.Other, x.One}} {
		it := suggestionItem{PK: accountPK(w, side[0]), SK: suggestedSK(side[1]), Schema: 1, At: social.Stamp(x.At), Probability: x.Probability, Reasons: x.Reasons}
		if side[0] == x.One {
			it.G1PK, it.G1SK = suggestedG1(w, x.One), fmt.Sprintf("%05d#%s#%s", 10_000-int(math.Round(x.Probability*10_000)), x.One, x.Other)
		}
		put, err := s.putting(it, "")
		if err != nil {
			return err
		}
		writes = append(writes, put)
	}
	_, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	return classify("put suggestion", err)
}

// DeleteSuggestion takes a suggestion about two accounts away.
func (s *Store) DeleteSuggestion(ctx context.Context, w, a, b string) error {
	var writes []types.TransactWriteItem
	for _, k := range []key{{accountPK(w, a), suggestedSK(b)}, {accountPK(w, b), suggestedSK(a)}} {
		writes = append(writes, types.TransactWriteItem{Delete: &types.Delete{TableName: aws.String(s.table), Key: k.av()}})
	}
	_, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: writes})
	return classify("delete suggestion", err)
}

// SuggestionsOf returns the suggestions about an account.
func (s *Store) SuggestionsOf(ctx context.Context, w, account string) ([]Suggestion, error) {
	items, err := all[suggestionItem](ctx, s, query{pk: accountPK(w, account), prefix: suggestions, most: maxSuggestionsOf})
	if err != nil {
		return nil, fmt.Errorf("suggestions about %s: %w", account, err)
	}
	out := make([]Suggestion, len(items))
	for i, it := range items {
		if out[i], err = it.suggestion(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ForgetSuggestions takes away the suggestions about an account, and returns how many there were.
func (s *Store) ForgetSuggestions(ctx context.Context, w, account string) (int, error) {
	list, err := s.SuggestionsOf(ctx, w, account)
	if err != nil {
		return 0, err
	}
	errs := parallel.Each(ctx, len(list), 16, func(i int) error { return s.DeleteSuggestion(ctx, w, list[i].One, list[i].Other) })
	return len(list), errors.Join(errs...)
}

// Suggestions returns a page of a workspace's suggestions, the likeliest
// first, after a place ("" from the first), and the place of the last ("": there is no more).
func (s *Store) Suggestions(ctx context.Context, w, after string, limit int) (found []Suggestion, next string, err error) {
	pks := allShards(w + "#SU")
	parts := make([][]suggestionItem, len(pks))
	errs := parallel.Each(ctx, len(pks), len(pks), func(i int) (err error) {
		parts[i], err = all[suggestionItem](ctx, s, query{index: "G1", pk: pks[i], after: after, limit: limit + 1})
		return err
	})
	if err := errors.Join(errs...); err != nil {
		return nil, "", err
	}
	items := slices.Concat(parts...)
	slices.SortFunc(items, func(a, b suggestionItem) int { return cmp.Compare(a.G1SK, b.G1SK) })
	if len(items) > limit {
		items = items[:limit]
		next = items[limit-1].G1SK
	}
	for _, it := range items {
		x, err := it.suggestion()
		if err != nil {
			return nil, "", err
		}
		found = append(found, x)
	}
	return found, next, nil
}
