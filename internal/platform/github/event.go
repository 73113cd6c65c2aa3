package github

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"rapport/internal/pattern"
	"rapport/internal/platform"
	"rapport/internal/social"
)

// head is what the body of any event has: where and by whom.
type head struct {
	Action       platform.Text `json:"action"`
	Repository   *repository   `json:"repository"`
	Organization *user         `json:"organization"`
	Sender       *user         `json:"sender"`
	Installation *struct {
		Account *user `json:"account"`
	} `json:"installation"`
	Bought *bought `json:"marketplace_purchase"`
	Before *bought `json:"previous_marketplace_purchase"` // what a change replaces
}

// delivery is the body of a known event, as far as it is read.
type delivery struct {
	head
	Issue        *item         `json:"issue"`
	PullRequest  *item         `json:"pull_request"`
	Discussion   *item         `json:"discussion"`
	Comment      *item         `json:"comment"`
	Review       *item         `json:"review"`
	Release      *item         `json:"release"`
	Answer       *item         `json:"answer"`
	OldAnswer    *item         `json:"old_answer"`
	Forkee       *fork         `json:"forkee"`
	StarredAt    platform.Text `json:"starred_at"`
	Member       *user         `json:"member"`
	Sponsorship  *sponsorship  `json:"sponsorship"`
	Effective    platform.Text `json:"effective_date"` // of what is bought
	Repositories []repository  `json:"repositories"`
	Removed      []repository  `json:"repositories_removed"`

	// Changes are read as far as the event needs them.
	Changes map[string]json.RawMessage `json:"changes"`
}

// from is the old value of what the event changes, at a path of names.
func (d delivery) from(path ...string) (was platform.Text, owner *user) {
	v := d.Changes[path[0]]
	for _, p := range append(path[1:], "from") {
		var next map[string]json.RawMessage
		if len(v) == 0 || platform.Decode(v, &next) != nil {
			return "", nil
		}
		v = next[p]
	}
	if len(v) > 0 && platform.Decode(v, &was) == nil {
		return was, nil
	}
	var from struct {
		User         *user `json:"user"`
		Organization *user `json:"organization"`
	}
	if len(v) == 0 || platform.Decode(v, &from) != nil {
		return "", nil
	}
	return "", cmp.Or(from.User, from.Organization)
}

// item is what is said: an issue, a pull request, a discussion, a comment, a
// review or a release.
type item struct {
	ID          platform.ID   `json:"id"`
	Number      platform.ID   `json:"number"`
	Title       platform.Text `json:"title"`
	Name        platform.Text `json:"name"` // of a release
	Tag         platform.Text `json:"tag_name"`
	Body        platform.Text `json:"body"`
	URL         platform.Text `json:"html_url"`
	User        *user         `json:"user"`
	Author      *user         `json:"author"` // of a release
	Association platform.Text `json:"author_association"`
	Created     platform.Text `json:"created_at"`
	Updated     platform.Text `json:"updated_at"`
	Submitted   platform.Text `json:"submitted_at"` // of a review
	Published   platform.Text `json:"published_at"` // of a release
	Parent      platform.ID   `json:"parent_id"`    // of a comment in a discussion
	InReplyTo   platform.ID   `json:"in_reply_to_id"`
	Assignees   people        `json:"assignees"`
	Commit      platform.Text `json:"commit_id"`
	Closed      platform.Text `json:"closed_at"`
	ChosenAt    platform.Text `json:"answer_chosen_at"`
	ChosenBy    *user         `json:"answer_chosen_by"`
}

// people are accounts in a list; nobody where it is none.
type people []*user

// UnmarshalJSON reads a list.
func (p *people) UnmarshalJSON(b []byte) error {
	var v []*user
	if json.Unmarshal(b, &v) == nil {
		*p = v
	}
	return nil
}

type fork struct {
	ID      platform.ID   `json:"id"`
	Created platform.Text `json:"created_at"`
	URL     platform.Text `json:"html_url"`
}

type sponsorship struct {
	NodeID      platform.ID   `json:"node_id"`
	Created     platform.Text `json:"created_at"`
	Sponsor     *user         `json:"sponsor"`
	Sponsorable *user         `json:"sponsorable"`
	Tier        struct {
		Name platform.Text `json:"name"`
	} `json:"tier"`
}

// bought is what an account has of a GitHub Marketplace listing.
type bought struct {
	Account *user `json:"account"`
	Trial   bool  `json:"on_free_trial"`
	Plan    struct {
		ID    platform.ID   `json:"id"`
		Name  platform.Text `json:"name"`
		Price platform.Text `json:"monthly_price_in_cents"`
	} `json:"plan"`
}

// scopes lists by what the event is routed.
func (h head) scopes() []string {
	switch {
	case h.Repository != nil:
		return h.Repository.scopes()
	case h.Organization != nil:
		return named(h.Organization.Login)
	case h.Installation != nil && h.Installation.Account != nil:
		return named(h.Installation.Account.Login)
	case h.Bought != nil:
		return []string{marketplace}
	}
	return nil
}

// scopes lists by what the event is routed.
func (d delivery) scopes() []string {
	if s := d.Sponsorship; s != nil && s.Sponsorable != nil && d.Repository == nil {
		return named(s.Sponsorable.Login)
	}
	return d.head.scopes()
}

// ended reads the end of a grant: what was installed, authorised or set up is
// no more, or is called by another name.
func (d delivery) ended(event, kind string) platform.Event {
	revoked := func(why string, scopes []string) platform.Event {
		if len(scopes) == 0 {
			return platform.Park(kind, errors.New("it does not say of what account or repository"), d.scopes()...)
		}
		return platform.Event{Kind: kind, Scopes: scopes, Revoked: why}
	}
	var account platform.Text
	var scopes []string
	if event == "installation" || event == "installation_repositories" {
		for _, r := range append(d.Repositories, d.Removed...) {
			scopes = append(scopes, r.own()...)
		}
		if d.Installation != nil && d.Installation.Account != nil {
			account = d.Installation.Account.Login
		}
	}
	switch kind {
	case "installation deleted":
		return revoked(fmt.Sprintf("the GitHub App was uninstalled from %.60q: install it again", account), append(scopes, named(account)...))
	case "installation suspend":
		return revoked(fmt.Sprintf("the GitHub App was suspended for %.60q: it sends nothing until it is unsuspended in the account's settings", account), append(scopes, named(account)...))
	case "installation_repositories removed":
		return revoked(fmt.Sprintf("the GitHub App of %.60q no longer sees the repository: add it in the installation's settings", account), scopes)
	case "github_app_authorization revoked":
		if d.Sender == nil {
			return revoked("", nil)
		}
		return revoked(fmt.Sprintf("%.60q no longer allows the GitHub App to act for them: they must authorise it again", d.Sender.Login), named(d.Sender.Login))
	case "meta deleted":
		if d.Repository != nil { // its owner may have other webhooks
			return revoked("the webhook was deleted at GitHub: set it up again", d.Repository.own())
		}
		return revoked("the webhook was deleted at GitHub: set it up again", d.scopes())
	case "repository deleted":
		if d.Repository == nil {
			return revoked("", nil)
		}
		return revoked("the repository was deleted", d.Repository.own())
	case "organization renamed":
		was, _ := d.from("login")
		if d.Organization == nil || was == "" {
			return revoked("", nil)
		}
		return revoked(fmt.Sprintf("the organisation is now called %.60q: change the source's scope to that", d.Organization.Login), named(was))
	case "repository renamed", "repository transferred":
		if d.Repository == nil {
			return revoked("", nil)
		}
		owner, repo, _ := strings.Cut(string(d.Repository.Full), "/")
		if kind == "repository renamed" {
			was, _ := d.from("repository", "name")
			repo = string(was)
		} else if _, from := d.from("owner"); from != nil {
			owner = string(from.Login)
		}
		was := owner + "/" + repo
		if owner == "" || repo == "" || was == string(d.Repository.Full) {
			return revoked("", nil)
		}
		return revoked(fmt.Sprintf("the repository is now called %.140q: change the source's scope to that or to id:%s, and see that the webhook is still there", d.Repository.Full, d.Repository.ID), named(platform.Text(was)))
	}
	return revoked("", nil)
}

var commented = pattern.New(`(?s)<!--.*?-->`)

// text is Markdown as it was typed, without the comments of templates, which nobody sees.
func text(title, body platform.Text) string {
	t := strings.TrimSpace(commented.ReplaceAllString(string(body), ""))
	return strings.TrimSpace(string(title) + "\n\n" + strings.ReplaceAll(t, "\r\n", "\n"))
}

// thing is an item with its place.
type thing struct {
	*item
	typ            string // of the object
	id             string // of the object, unique in the repository
	parent, thread string // ids of objects
	author         *user
	title          platform.Text
}

// thing finds what the event is about. Issues, pull requests and discussions
// share one numbering and are named by it, comments by the anchor of their link.
func (d delivery) thing(event string) (thing, error) {
	numbered := func(i *item, typ string) thing {
		return thing{item: i, typ: typ, id: string(i.Number), thread: string(i.Number), author: i.User, title: i.Title}
	}
	comment := func(i *item, typ, anchor string, on *item) thing {
		t := thing{item: i, typ: typ, author: i.User}
		if i.ID != "" {
			t.id = anchor + string(i.ID)
		}
		if on != nil {
			t.parent, t.thread = string(on.Number), string(on.Number)
		}
		return t
	}
	var t thing
	switch {
	case event == "issues" && d.Issue != nil:
		t = numbered(d.Issue, "issue")
	case event == "pull_request" && d.PullRequest != nil:
		t = numbered(d.PullRequest, "pull_request")
	case event == "discussion" && d.Discussion != nil:
		t = numbered(d.Discussion, "discussion")
	case event == "issue_comment" && d.Comment != nil && d.Issue != nil:
		t = comment(d.Comment, "comment", "issuecomment-", d.Issue)
	case event == "pull_request_review" && d.Review != nil && d.PullRequest != nil:
		r := *d.Review
		r.Updated = cmp.Or(r.Updated, d.PullRequest.Updated) // older servers give a review no time of its edit
		t = comment(&r, "review", "pullrequestreview-", d.PullRequest)
	case event == "pull_request_review_comment" && d.Comment != nil && d.PullRequest != nil:
		t = comment(d.Comment, "comment", "discussion_r", d.PullRequest)
		if d.Comment.InReplyTo != "" {
			t.parent = "discussion_r" + string(d.Comment.InReplyTo)
		}
	case event == "discussion_comment" && d.Comment != nil && d.Discussion != nil:
		t = comment(d.Comment, "comment", "discussioncomment-", d.Discussion)
		if d.Comment.Parent != "" {
			t.parent = "discussioncomment-" + string(d.Comment.Parent)
		}
	case event == "commit_comment" && d.Comment != nil:
		t = comment(d.Comment, "comment", "commitcomment-", nil)
		if d.Comment.Commit != "" {
			t.parent, t.thread = "commit-"+string(d.Comment.Commit), "commit-"+string(d.Comment.Commit)
		}
	case event == "release" && d.Release != nil:
		t = thing{item: d.Release, typ: "release", author: d.Release.Author, title: cmp.Or(d.Release.Name, d.Release.Tag)} // as GitHub shows it
		if d.Release.ID != "" {
			t.id = "release-" + string(d.Release.ID)
			t.thread = t.id
		}
	default:
		return t, errors.New("the body has null for what it is about")
	}
	if t.id == "" || t.typ != "release" && t.thread == "" {
		return t, fmt.Errorf("a %s without its number or id, or what it is on", t.typ)
	}
	return t, nil
}

// direction is by what the author is to the repository: its owner or a member
// of the organisation that owns it. Only those who may write can publish a
// release, or edit, delete or close what others opened.
func (t thing) direction(actor *user) social.Direction {
	if t.typ == "release" || t.Association == "OWNER" || t.Association == "MEMBER" {
		return social.Outbound
	}
	if t.author != nil && actor.ID != t.author.ID && actor.ID != social.Unknown { // who is unknown may be the author
		return social.Outbound
	}
	return social.Inbound
}

// event reads what someone did.
func (d delivery) event(event, kind string) platform.Event {
	scopes := d.scopes()
	park := func(why string) platform.Event { return platform.Park(kind, errors.New(why), scopes...) }
	does := acts[kind]
	switch event {
	case "sponsorship":
		return d.sponsored(kind, scopes)
	case "marketplace_purchase":
		return d.purchased(kind, scopes)
	}
	if d.Repository == nil || d.Repository.ID == "" || len(scopes) == 0 {
		return park("without its repository")
	}
	ns := d.Repository.namespace()
	nobody := d.Sender == nil || d.Sender.ID == ""
	switch event {
	case "star", "fork":
		if nobody {
			return park("without who did it")
		}
		return d.onRepository(event, kind, does, ns, scopes)
	case "member":
		return d.onRepository(event, kind, does, ns, scopes)
	}
	if kind == "discussion answered" || kind == "discussion unanswered" {
		return d.answered(kind, does, ns, scopes)
	}
	t, err := d.thing(event)
	if err != nil {
		return platform.Park(kind, err, scopes...)
	}
	a := social.Activity{Platform: name, Scope: ns, Type: does, Object: social.Object{ID: t.id, Type: t.typ}, InReplyTo: t.parent, Conversation: t.thread,
		Text: text(t.title, t.Body), URL: string(t.URL)}
	// A comment names what it is on, and no other; but for those in the threads
	// of a review, or under a comment of a discussion.
	a.Flat = (does.Utterance() || does.Closing()) && t.typ != "release" && (t.parent == "" || t.parent == t.thread)
	actor := d.Sender
	if does.Utterance() {
		switch actor = t.author; {
		case actor == nil: // the account is no more
			actor = &user{ID: social.Unknown, URL: d.Repository.URL}
		case actor.ID == "":
			return park("without its author")
		}
	} else if nobody {
		// GitHub leaves the sender out where the account is no more:
		// https://github.com/zulip/zulip/pull/39469
		actor = &user{ID: social.Unknown, URL: d.Repository.URL}
	}
	a.Actor, a.Direction, a.Automatic = actor.actor(), t.direction(actor), actor.automatic()
	id, keyed := t.id, time.Time{}
	switch {
	case does.Closing():
		// By whom it was opened or, on the side of the business, by those who may.
		a.Text = ""
		a.Occurred, err = platform.Time(string(t.Updated))
		if does == social.Close && t.Closed != "" {
			a.Occurred, err = platform.Time(string(t.Closed))
		}
		keyed = a.Occurred
	case does == social.Edit:
		if d.Changes != nil && d.Changes["title"] == nil && d.Changes["body"] == nil && d.Changes["name"] == nil {
			return platform.Ignore(kind, "not its words were edited", scopes...)
		}
		if t.typ == "review" && a.Text == "" {
			return platform.Ignore(kind, "a review without words", scopes...)
		}
		if t.typ == "release" && t.Published == "" {
			return platform.Ignore(kind, "a draft", scopes...)
		}
		a.Occurred, err = platform.Time(string(cmp.Or(t.Updated, t.Submitted, t.Published, t.Created)))
		// Times are in seconds, and releases may have none of their edit: edits differ by what they say, too.
		id, keyed = social.Key(id, social.HashID("v", a.Text)[2:18]), a.Occurred
	case does == social.Delete:
		// The time is the last one known of what is deleted; the key has none, since a thing is deleted once.
		a.Text = ""
		a.Occurred, err = platform.Time(string(cmp.Or(t.Updated, t.Submitted, t.Published, t.Created)))
	default:
		if t.typ == "review" && a.Text == "" {
			return platform.Ignore(kind, "a review without words", scopes...)
		}
		a.Occurred, err = platform.Time(string(cmp.Or(t.Submitted, t.Published, t.Created)))
		keyed = a.Occurred
	}
	if a.Text != "" {
		d.address(&a)
	}
	a.Key = social.ActivityKey(name, ns, does, id, keyed)
	return platform.Act(kind, a, err, scopes...)
}

// addressing is an account's name in a text, as GitHub links it.
var addressing = pattern.New(`(?:^|[^A-Za-z0-9_/.@-])@([A-Za-z0-9][A-Za-z0-9-]{0,38})`)

// address notes whom a text addresses, of those whose ids the delivery says.
func (d delivery) address(a *social.Activity) {
	people := []*user{d.Sender, d.Organization, d.Member}
	if d.Repository != nil {
		people = append(people, d.Repository.Owner)
	}
	for _, i := range []*item{d.Issue, d.PullRequest, d.Discussion, d.Comment, d.Review, d.Release, d.Answer} {
		if i != nil {
			people = append(people, i.User, i.Author)
			people = append(people, i.Assignees...)
		}
	}
	for _, m := range addressing.FindAllStringSubmatch(a.Text, maxAddressing) {
		for _, u := range people {
			if u != nil && strings.EqualFold(string(u.Login), m[1]) {
				platform.Address(a, string(u.ID))
			}
		}
	}
}

// maxAddressing bounds how many names in a text are looked up.
const maxAddressing = 100

// onRepository reads what is done to the repository as a whole.
func (d delivery) onRepository(event, kind string, does social.Type, ns string, scopes []string) platform.Event {
	a := social.Activity{Platform: name, Scope: ns, Type: does, Object: social.Object{ID: "repository", Type: "repository"}, URL: string(d.Repository.URL), Direction: social.Inbound}
	if event == "star" {
		a.Reaction = "star"
	}
	id := ""
	if event != "member" {
		a.Actor, id = d.Sender.actor(), string(d.Sender.ID)
	}
	var err error
	switch event {
	case "star":
		if does == social.Unreact {
			a.Undated = true
			break
		}
		a.Occurred, err = platform.Time(string(d.StarredAt))
	case "fork":
		if d.Forkee == nil || d.Forkee.ID == "" {
			return platform.Park(kind, errors.New("a fork without its repository"), scopes...)
		}
		a.URL, id = string(cmp.Or(d.Forkee.URL, d.Repository.URL)), string(d.Forkee.ID)
		a.Occurred, err = platform.Time(string(d.Forkee.Created))
	case "member":
		if d.Member == nil || d.Member.ID == "" {
			return platform.Park(kind, errors.New("without who it is"), scopes...)
		}
		a.Actor, a.Undated, id = d.Member.actor(), true, string(d.Member.ID)
	}
	if d.Repository.Owner != nil && a.Actor.ID == string(d.Repository.Owner.ID) {
		a.Direction = social.Outbound
	}
	a.Automatic = strings.HasSuffix(a.Actor.Handle, "[bot]") || event != "member" && d.Sender.automatic()
	a.Key = social.ActivityKey(name, ns, does, social.Key(event, id), a.Occurred)
	return platform.Act(kind, a, err, scopes...)
}

// answered reads that a comment was chosen as a discussion's answer, or is no longer.
func (d delivery) answered(kind string, does social.Type, ns string, scopes []string) platform.Event {
	answer, by, at := d.Answer, d.Sender, platform.Text("")
	if d.Discussion != nil {
		at = d.Discussion.ChosenAt
		if d.Discussion.ChosenBy != nil && d.Discussion.ChosenBy.ID != "" {
			by = d.Discussion.ChosenBy
		}
		if does == social.Reopen {
			answer, by, at = d.OldAnswer, d.Sender, d.Discussion.Updated
		}
	}
	if answer == nil || answer.ID == "" || d.Discussion == nil {
		return platform.Park(kind, errors.New("without the answer"), scopes...)
	}
	if by == nil || by.ID == "" {
		return platform.Park(kind, errors.New("without who did it"), scopes...)
	}
	a := social.Activity{Platform: name, Scope: ns, Type: does, Object: social.Object{ID: "discussioncomment-" + string(answer.ID), Type: "comment"}, InReplyTo: string(d.Discussion.Number),
		Conversation: string(d.Discussion.Number), URL: string(answer.URL), Actor: by.actor(), Direction: social.Outbound, Automatic: by.automatic(), Flat: true}
	if does == social.Reopen { // the discussion, which has no answer any more
		a.Object, a.InReplyTo = social.Object{ID: string(d.Discussion.Number), Type: "discussion"}, ""
	}
	// It is chosen by who asked, or by those who look after the repository.
	if d.Discussion.User != nil && d.Discussion.User.ID == by.ID && d.Discussion.Association != "OWNER" && d.Discussion.Association != "MEMBER" {
		a.Direction = social.Inbound
	}
	var err error
	a.Occurred, err = platform.Time(string(at))
	a.Key = social.ActivityKey(name, ns, does, social.Key("answer", string(answer.ID), string(by.ID)), a.Occurred)
	return platform.Act(kind, a, err, scopes...)
}

// sponsored reads who begins to sponsor the account.
func (d delivery) sponsored(kind string, scopes []string) platform.Event {
	s := d.Sponsorship
	if s == nil || s.NodeID == "" || s.Sponsor == nil || s.Sponsor.ID == "" || s.Sponsorable == nil || s.Sponsorable.ID == "" || len(scopes) == 0 {
		return platform.Park(kind, errors.New("a sponsorship without its id, its sponsor or whom they sponsor"), scopes...)
	}
	ns := "account/" + string(s.Sponsorable.ID)
	if h := host(s.Sponsorable.URL); h != "" {
		ns = h + "/" + ns
	}
	a := social.Activity{Platform: name, Scope: ns, Type: social.Purchase, Object: social.Object{ID: string(s.NodeID), Type: "sponsorship"},
		Actor: s.Sponsor.actor(), Text: string(s.Tier.Name), URL: string(s.Sponsor.URL), Direction: social.Inbound}
	var err error
	a.Occurred, err = platform.Time(string(s.Created))
	a.Key = social.ActivityKey(name, ns, a.Type, string(s.NodeID), a.Occurred)
	return platform.Act(kind, a, err, scopes...)
}

// marketplace is the scope of what a Marketplace listing's own webhook sends:
// it does not say whose listing it is. No account can be called so.
const marketplace = "marketplace"

// paid reports whether the plan has a price and is not on trial.
func (b bought) paid() bool { return !b.Trial && b.Plan.Price != "0" }

// purchased reads who buys a plan of the Marketplace listing. A plan without
// a price, or on trial, is a sign-up; the change from such a one to one that is
// paid is a purchase, any other change none.
// https://docs.github.com/en/webhooks/webhook-events-and-payloads#marketplace_purchase
func (d delivery) purchased(kind string, scopes []string) platform.Event {
	b := d.Bought
	if b == nil || b.Plan.ID == "" || b.Account == nil || b.Account.ID == "" || d.Sender == nil || d.Sender.ID == "" {
		return platform.Park(kind, errors.New("a purchase without its plan, the account it is for or who bought it"), scopes...)
	}
	if kind == "marketplace_purchase changed" && (!b.paid() || d.Before == nil || d.Before.paid()) {
		return platform.Ignore(kind, sometimes[kind], scopes...)
	}
	a := social.Activity{Platform: name, Scope: marketplace, Type: social.Purchase, Object: social.Object{ID: string(b.Plan.ID), Type: "plan"},
		Actor: d.Sender.actor(), Text: string(b.Plan.Name), URL: string(d.Sender.URL), Direction: social.Inbound}
	if !b.paid() {
		a.Type = social.SignUp
	}
	var err error
	a.Occurred, err = platform.Time(string(d.Effective))
	a.Key = social.ActivityKey(name, a.Scope, a.Type, social.Key(string(b.Account.ID), string(b.Plan.ID)), a.Occurred)
	return platform.Act(kind, a, err, scopes...)
}
