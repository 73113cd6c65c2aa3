// Package leadstest scores single accounts for tests.
package leadstest

import (
	"context"
	"errors"
	"time"

	"rapport/internal/leads"
	"rapport/internal/view"
)

// Rescore computes the stored head of the person of an account again from all
// facts, as of the newest. An account of the business has none.
func Rescore(ctx context.Context, l *leads.Leads, w, account string) error {
	return errors.Join(l.Score(ctx, w, time.Time{}, view.Stale{Account: account})...)
}
