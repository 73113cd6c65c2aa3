package conversation

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// Asking is what is known of somebody who waits: what decides who is answered
// first. The zero value of each part stands for "not known".
type Asking struct {
	Intent      string        // what the message asks, by the reader
	NeedsAnswer float64       // the probability that it needs an answer
	Severity    int           // of a problem or complaint, 0 to 3
	Negative    float64       // the probability that it is negative
	Buyer       bool          // its words are those of a company that is ready to buy: see Buyer
	Waits       time.Duration // since when
	Usual       time.Duration // the median time to an answer where it was said
	Reach       int           // how many follow whoever asks, or liked what was said
	Lead        Lead          // what whoever asks is to the business
}

// Lead is what somebody is to the business.
type Lead struct {
	Grade      string // as the list of leads shows it: "A1", "?2"
	Fit        string // A to D, or unknown
	Engagement int    // 1, the most, to 4; 0: not known
}

// Need is how much somebody who waits needs an answer.
type Need struct {
	Points int    // the order: the most first
	Reason string // what the points are for, in words
}

// The weights. They are points that add up, so that each can be read beside
// the others; docs/waiting.md says why they are as they are. No learned model
// stands behind them: a service lead must be able to say why one stands above
// another.
const (
	perSeverity   = 15 // for each step of severity
	forNegative   = 10 // at most, for discontent that the intent does not say
	forBuyer      = 40
	perDoubling   = 8 // for waiting as long as is usual, and again each time that it doubles
	forWaiting    = 40
	forReach      = 20
	likelyUnknown = 0.75 // the probability where the reader told none
	doubtful      = 0.6  // below this a reason says "perhaps"
)

// usualUnknown is what is expected where too few answers are known: a day.
const usualUnknown = 24 * time.Hour

// weights is what an intent weighs and how a reason says it.
var weights = map[string]struct {
	points float64
	words  string
}{
	social.IntentChurn:          {60, "threatens to leave"},
	social.IntentPurchase:       {55, "wants to buy"},
	social.IntentComplaint:      {45, "complains"},
	social.IntentProblem:        {40, "has a problem"},
	social.IntentQuestion:       {30, "asks something"},
	social.IntentRecommendation: {25, "asks for a recommendation or gives one"},
	social.IntentWish:           {20, "wishes for something"},
	social.IntentUnread:         {25, "writes in a language that is not read"},
	social.IntentPraise:         {5, "is content"},
	social.IntentClosing:        {5, "closes"},
	social.IntentChatter:        {5, "chats"},
	social.IntentSpam:           {0, "advertises"},
}

// other is what an intent weighs that says nothing of what is asked.
const other = 20

var severities = [...]string{"", "", "serious", "work stands still or somebody is harmed"}

var (
	byEngagement = [...]float64{0, 20, 12, 5, 0}
	byFit        = map[string]float64{"A": 10, "B": 6, "C": 2}
)

// NeedOf says how much somebody needs an answer. It is a sum: what is asked,
// weighed by how likely it asks at all; how severe it is; how long it has
// waited against what is usual there; who asks.
func NeedOf(a Asking) Need {
	what, known := weights[a.Intent]
	if !known {
		what.points, what.words = other, "may want an answer"
	}
	if a.Buyer && a.Intent != social.IntentSpam {
		what.points, what.words = max(what.points, weights[social.IntentPurchase].points), "a company that is ready to buy"
	}
	likely := a.NeedsAnswer
	if likely <= 0 {
		likely = likelyUnknown
	}
	likely = min(likely, 1)
	points := what.points
	var because []string
	say := func(words string) { because = append(because, words) }
	if likely < doubtful {
		say("perhaps " + what.words)
	} else {
		say(what.words)
	}
	severity := min(max(a.Severity, 0), len(severities)-1)
	points += float64(perSeverity * severity)
	if words := severities[severity]; words != "" {
		say(words)
	}
	// What a churn threat or a complaint is says so already.
	if n := min(max(a.Negative, 0), 1); n > 0 && severity == 0 && a.Intent != social.IntentChurn && a.Intent != social.IntentComplaint {
		points += forNegative * n
		if n >= doubtful {
			say("discontent")
		}
	}
	if a.Buyer && a.Intent != social.IntentSpam {
		points += forBuyer
	}
	points *= likely

	wait := max(a.Waits, 0)
	usual := a.Usual
	waits := "waits " + Span(wait)
	if usual <= 0 {
		usual = usualUnknown
	} else {
		waits += ", usually " + Span(usual) + " here"
	}
	points += min(forWaiting, perDoubling*math.Log2(1+wait.Seconds()/usual.Seconds()))
	say(waits)

	if a.Reach >= 1000 {
		points += min(forReach, 4*math.Log10(float64(a.Reach)/100))
		say("reaches " + thousands(a.Reach))
	}
	points += byEngagement[min(max(a.Lead.Engagement, 0), len(byEngagement)-1)] + byFit[a.Lead.Fit]
	if a.Lead.Grade != "" && a.Lead.Engagement > 0 && a.Lead.Engagement < 4 {
		say("lead " + a.Lead.Grade)
	}
	return Need{int(math.Round(points)), strings.Join(because, "; ")}
}

// Span says a time in the one unit that fits it: "3 days", "1 hour".
func Span(d time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / unit.of); n > 1 || n == 1 && unit.of != 24*time.Hour {
			return plural(n, unit.name)
		}
	}
	return "less than a minute"
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// thousands writes a number with its thousands apart.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Buyer reports whether the words of a message are those of a company that is
// ready to buy: it names a budget that is there, a purchase order, a company
// account, or how many seats or employees it is about, in one of the languages
// that are read. It is a rule of words, since no intent tells a company with a
// budget from somebody who asks for a price.
func Buyer(text string) bool {
	return !noBudget.MatchString(text) && !bought.MatchString(text) && slices.ContainsFunc(budgets, func(p *pattern.Pattern) bool { return p.MatchString(text) })
}

// budgets are the words by which Buyer knows, by language.
var budgets = []*pattern.Pattern{
	pattern.New(`(?i)\b(?:budget (?:is|has been|was|got) (?:approved|signed off|released|there)|(?:approved|signed[- ]off|released) budget|within (?:our |the )?budget|purchase order|company account|business account for|(?:enterprise|business) (?:plan|licen[cs]es?|contract) for \d|\d+ (?:seats|licen[cs]es|employees))`), // en
	pattern.New(`(?i)\b(?:budget (?:ist |wurde )?(?:freigegeben|genehmigt|bewilligt)|(?:freigegebenes|genehmigtes|bewilligtes) budget|firmenkonto|firmenkunden?konto|\d+ (?:lizenzen|arbeitsplätze|mitarbeiter(?:innen|n)?|leute in))`),                                                                                         // de
	pattern.New(`(?i)\b(?:presupuesto (?:está |ya está |fue |ha sido )?(?:aprobado|autorizado)|orden de compra|cuenta de empresa|cuenta empresarial|\d+ (?:licencias|empleados|puestos))`),                                                                                                                                      // es
	pattern.New(`(?i)\b(?:orçamento (?:está |já está |foi )?(?:aprovado|liberado)|ordem de compra|conta (?:empresarial|corporativa|da empresa)|\d+ (?:licenças|funcionários|colaboradores|empregados))`),                                                                                                                        // pt
	pattern.New(`(?i)\b(?:budget (?:est |a été )?(?:validé|approuvé|débloqué)|bon de commande|compte (?:entreprise|professionnel)|\d+ (?:licences|salariés|employés|postes))`),                                                                                                                                                  // fr
	pattern.New(`(?i)\b(?:budget (?:è |è stato )?(?:approvato|autorizzato)|ordine d['’]acquisto|account aziendale|conto aziendale|\d+ (?:licenze|dipendenti|postazioni))`),                                                                                                                                                      // it
	pattern.New(`(?i)\b(?:budget (?:is )?(?:goedgekeurd|akkoord|vrijgegeven)|inkooporder|bedrijfsaccount|zakelijk account|\d+ (?:licenties|medewerkers|werknemers|werkplekken))`),                                                                                                                                               // nl
}

var noBudget = pattern.New(`(?i)\b(?:no budget|not approved|isn['’]t approved|kein(?:e|en)? budget|nicht (?:freigegeben|genehmigt|bewilligt)|sin presupuesto|sem orçamento|pas de budget|pas (?:validé|approuvé)|nessun budget|geen budget|niet goedgekeurd)`)

// bought are the words of somebody who tells that it is done.
var bought = pattern.New(`(?i)\b(?:just (?:booked|ordered|bought|purchased|signed)|(?:gerade|eben|soeben) \d+ .*(?:gebucht|bestellt|gekauft)|(?:acabo|acabamos) de (?:reservar|comprar|contratar|pedir)|(?:acabei|acabámos|acabamos) de (?:reservar|comprar|contratar|encomendar|pedir)|(?:viens|venons) de (?:réserver|commander|acheter|prendre)|(?:appena|già) (?:prenotato|ordinato|acquistato|comprato)|(?:net|zojuist) \d+ .*(?:geboekt|besteld|gekocht))`)
