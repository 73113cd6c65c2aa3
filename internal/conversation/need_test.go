package conversation_test

import (
	"slices"
	"testing"
	"time"

	"rapport/internal/conversation"
	"rapport/internal/social"
)

const day = 24 * time.Hour

func TestTheReasonSaysWhatThePointsAreFor(t *testing.T) {
	for _, tt := range []struct {
		a    conversation.Asking
		want conversation.Need
	}{
		{conversation.Asking{}, conversation.Need{Points: 15, Reason: "may want an answer; waits less than a minute"}}, // 20 · 0.75
		{conversation.Asking{Intent: social.IntentChurn, NeedsAnswer: 1, Severity: 2, Waits: 3 * day, Usual: 2 * time.Hour, Lead: conversation.Lead{Grade: "A1", Fit: "A", Engagement: 1}},
			conversation.Need{Points: 60 + 30 + 40 + 20 + 10, Reason: "threatens to leave; serious; waits 3 days, usually 2 hours here; lead A1"}}, // 8 · log2(37) = 41.7, at most 40
		{conversation.Asking{Intent: social.IntentQuestion, NeedsAnswer: 0.5, Waits: day},
			conversation.Need{Points: 15 + 8, Reason: "perhaps asks something; waits 24 hours"}},
		{conversation.Asking{Intent: social.IntentQuestion, NeedsAnswer: 1, Negative: 0.9, Reach: 10_000},
			conversation.Need{Points: 30 + 9 + 8, Reason: "asks something; discontent; waits less than a minute; reaches 10,000"}},
		{conversation.Asking{Intent: social.IntentQuestion, NeedsAnswer: 1, Buyer: true, Lead: conversation.Lead{Grade: "?4", Engagement: 4}},
			conversation.Need{Points: 55 + 40, Reason: "a company that is ready to buy; waits less than a minute"}},
		{conversation.Asking{Intent: social.IntentSpam, NeedsAnswer: 1, Buyer: true},
			conversation.Need{Reason: "advertises; waits less than a minute"}},
	} {
		if got := conversation.NeedOf(tt.a); got != tt.want {
			t.Errorf("%+v\ngot  %+v\nwant %+v", tt.a, got, tt.want)
		}
	}
}

// More of anything that makes somebody need an answer never puts them lower.
func TestMoreNeedIsNeverLess(t *testing.T) {
	base := conversation.Asking{Intent: social.IntentProblem, NeedsAnswer: 0.8, Waits: time.Hour, Usual: time.Hour}
	for name, more := range map[string]func(a *conversation.Asking){
		"surer":        func(a *conversation.Asking) { a.NeedsAnswer = 0.95 },
		"more severe":  func(a *conversation.Asking) { a.Severity++ },
		"longer":       func(a *conversation.Asking) { a.Waits *= 3 },
		"faster there": func(a *conversation.Asking) { a.Usual /= 3 },
		"ready to buy": func(a *conversation.Asking) { a.Buyer = true },
		"known":        func(a *conversation.Asking) { a.Reach = 50_000 },
		"a lead":       func(a *conversation.Asking) { a.Lead.Engagement = 2 },
		"a fit one":    func(a *conversation.Asking) { a.Lead.Fit = "B" },
		"leaves":       func(a *conversation.Asking) { a.Intent = social.IntentChurn },
	} {
		a := base
		more(&a)
		if got, was := conversation.NeedOf(a).Points, conversation.NeedOf(base).Points; got <= was {
			t.Errorf("%s: %d points, before %d", name, got, was)
		}
	}
}

// A company with an approved budget stands above whoever just asks, however
// long that has waited, and among those whose work stands still.
func TestABudgetIsSeen(t *testing.T) {
	company := conversation.Asking{Intent: social.IntentQuestion, NeedsAnswer: 0.9, Buyer: conversation.Buyer("Who do I talk to about a company account? 40 employees, budget is approved"), Waits: 2 * time.Hour}
	for _, a := range []conversation.Asking{
		{Intent: social.IntentQuestion, NeedsAnswer: 1, Waits: 300 * day, Usual: time.Hour},
		{Intent: social.IntentProblem, NeedsAnswer: 1, Severity: 1, Waits: 5 * day},
		{Intent: social.IntentComplaint, NeedsAnswer: 1, Severity: 1, Waits: 2 * day},
		{Intent: social.IntentWish, NeedsAnswer: 1, Waits: 300 * day, Usual: time.Hour, Lead: conversation.Lead{Engagement: 1}},
	} {
		if x, y := conversation.NeedOf(company), conversation.NeedOf(a); x.Points <= y.Points {
			t.Errorf("the company has %d points (%s), %d has: %s", x.Points, x.Reason, y.Points, y.Reason)
		}
	}
}

func TestWordsOfABuyer(t *testing.T) {
	for _, text := range []string{
		"Who do I talk to about a company account? 40 employees, budget is approved", "That's within budget. Which papers do you need?", "Where do we send the purchase order?",
		"Wir sind 30 Leute in Köln und hätten gern ein Angebot", "Das Budget ist freigegeben, wie geht es weiter?", "Brauchen 25 Lizenzen",
		"El presupuesto está aprobado, ¿qué sigue?", "Somos 80 empleados, ¿cuánto cuesta?", "O orçamento foi aprovado, com quem falo?", "Temos 50 funcionários",
		"Le budget est validé, on signe où ?", "Nous sommes 120 salariés", "Il budget è stato approvato", "Siamo 60 dipendenti, ci serve un'offerta", "Het budget is goedgekeurd", "Wij hebben 45 medewerkers",
	} {
		if !conversation.Buyer(text) {
			t.Errorf("not seen: %s", text)
		}
	}
	for _, text := range []string{
		"Just ordered 30 licences for the team!", "Haben gerade 20 Lizenzen bestellt, freuen uns", "Acabamos de contratar 15 licencias", "Acabei de comprar 10 licenças", "On vient de prendre 12 licences, venons de commander 12 licences", "Abbiamo appena acquistato 25 licenze", "We hebben net 40 licenties besteld",
		"", "There is no budget for this, 40 employees or not", "Das Budget ist nicht freigegeben", "El envío tardó 3 días", "My budget is small", "Pas de budget cette année pour nos 20 salariés",
		"Your employees were rude", "Meu orçamento acabou", "How much is it?",
	} {
		if conversation.Buyer(text) {
			t.Errorf("seen: %s", text)
		}
	}
}

func TestSpan(t *testing.T) {
	got := []string{}
	for _, d := range []time.Duration{0, time.Minute, 59 * time.Minute, time.Hour, 47 * time.Hour, 2 * day, 90 * day} {
		got = append(got, conversation.Span(d))
	}
	if want := []string{"less than a minute", "1 minute", "59 minutes", "1 hour", "47 hours", "2 days", "90 days"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
