package github

import (
	"maps"
	"slices"

	"rapport/internal/platform"
	"rapport/internal/social"
)

// acts are the event types that tell what someone did, each with its action.
var acts = map[string]social.Type{
	"issues closed": social.Close, "issues reopened": social.Reopen, "pull_request closed": social.Close, "pull_request reopened": social.Reopen,
	"discussion closed": social.Close, "discussion reopened": social.Reopen,
	"issues opened": social.Post, "issues edited": social.Edit, "issues deleted": social.Delete, "issues transferred": social.Delete,
	"issue_comment created": social.Reply, "issue_comment edited": social.Edit, "issue_comment deleted": social.Delete,
	"pull_request opened": social.Post, "pull_request edited": social.Edit,
	"pull_request_review submitted": social.Reply, "pull_request_review edited": social.Edit,
	"pull_request_review_comment created": social.Reply, "pull_request_review_comment edited": social.Edit, "pull_request_review_comment deleted": social.Delete,
	"discussion created": social.Post, "discussion edited": social.Edit, "discussion deleted": social.Delete, "discussion transferred": social.Delete,
	"discussion answered": social.Accept, "discussion unanswered": social.Reopen,
	"discussion_comment created": social.Reply, "discussion_comment edited": social.Edit, "discussion_comment deleted": social.Delete,
	"commit_comment created": social.Reply,
	"release published":      social.Post, "release edited": social.Edit, "release deleted": social.Delete,
	"star created": social.React, "star deleted": social.Unreact,
	"fork":                social.Repost,
	"sponsorship created": social.Purchase, "marketplace_purchase purchased": social.Purchase, "marketplace_purchase changed": social.Purchase,
	"member added": social.Join, "member removed": social.Leave,
}

// notes say when, where it is not plain.
var notes = map[string]string{
	"issues transferred":            "it opens anew in the other repository",
	"discussion transferred":        "it opens anew in the other repository",
	"pull_request_review submitted": "with words of its own",
	"issues closed":                 "by who opened it, or outbound",
	"issues reopened":               "by who opened it, or outbound",
	"pull_request closed":           "merged or not: by who opened it, or outbound",
	"pull_request reopened":         "by who opened it, or outbound",
	"discussion closed":             "by who began it, or outbound",
	"discussion reopened":           "by who began it, or outbound",
	"discussion answered":           "the comment that is chosen",
	"discussion unanswered":         "the discussion, which has no answer any more",
	"star deleted":                  "without a time",
	"member added":                  "a collaborator of the repository; without a time",
	"member removed":                "without a time",
	"sponsorship created":           "of the account, not of a repository",

	"marketplace_purchase purchased": "of your Marketplace listing's plan",
	"marketplace_purchase changed":   "from a plan without a price, or on trial, to one that is paid",

	"installation_repositories removed": "of the repositories removed",
	"github_app_authorization revoked":  "of the account that revokes it",
	"meta deleted":                      "the webhook itself",
	"repository renamed":                "of its old name",
	"repository transferred":            "of its old name",
	"organization renamed":              "of its old name",
}

// sometimes are those that are ignored in some cases.
var sometimes = map[string]string{
	"issues edited": "not its words", "pull_request edited": "not its words, for example its branch", "discussion edited": "not its words", "release edited": "not its words, or of a draft",
	"pull_request_review submitted": "without words of its own: its comments come one by one", "pull_request_review edited": "without words",
	"marketplace_purchase changed": "the purchase goes on, or none was made",
}

// ends are the event types that end a grant.
var ends = map[string]bool{
	"installation deleted": true, "installation suspend": true, "installation_repositories removed": true, "github_app_authorization revoked": true,
	"meta deleted": true, "repository deleted": true, "repository renamed": true, "repository transferred": true, "organization renamed": true,
}

const (
	workflow = "how the work is organised says nothing"
	setUp    = "how it is set up says nothing"
	code     = "code and its checks say nothing"

	ownPeople = "who belongs to the organisation and its teams says nothing"
)

// ignored are the known event types that tell of nobody's doing, with the reason.
var ignored = map[string]string{
	"ping": "GitHub tests the URL",

	"issues assigned": workflow, "issues unassigned": workflow, "issues labeled": workflow, "issues unlabeled": workflow,
	"issues milestoned": workflow, "issues demilestoned": workflow, "issues locked": workflow, "issues unlocked": workflow, "issues pinned": workflow, "issues unpinned": workflow,
	"pull_request synchronize": code, "pull_request assigned": workflow, "pull_request unassigned": workflow,
	"pull_request labeled": workflow, "pull_request unlabeled": workflow, "pull_request review_requested": workflow, "pull_request review_request_removed": workflow,
	"pull_request ready_for_review": workflow, "pull_request converted_to_draft": workflow, "pull_request locked": workflow, "pull_request unlocked": workflow,
	"pull_request_review dismissed": workflow, "pull_request_review_thread resolved": workflow, "pull_request_review_thread unresolved": workflow,
	"discussion category_changed": workflow, "discussion labeled": workflow, "discussion unlabeled": workflow, "discussion locked": workflow, "discussion unlocked": workflow,
	"discussion pinned": workflow, "discussion unpinned": workflow,

	"push": "commits were made before, and name their authors by e-mail", "create": code, "delete": code, "status": code, "check_run completed": code, "check_suite completed": code, "workflow_run completed": code,
	"watch started": "it comes with each star, which the event star tells with its time",

	"release created": "a draft, or it also comes as published", "release released": "it also comes as published", "release prereleased": "it also comes as published",
	"release unpublished":              "it may be published again, and a deletion would stand",
	"sponsorship edited":               setUp,
	"sponsorship tier_changed":         "the sponsorship goes on",
	"sponsorship pending_tier_change":  "nothing has changed yet",
	"sponsorship pending_cancellation": "nothing has changed yet",
	"sponsorship cancelled":            "nothing is bought",

	"marketplace_purchase pending_change":           "nothing has changed yet",
	"marketplace_purchase pending_change_cancelled": "nothing has changed",
	"marketplace_purchase cancelled":                "nothing is bought",

	"organization member_added": ownPeople, "organization member_removed": ownPeople, "organization member_invited": ownPeople,
	"membership added": ownPeople, "membership removed": ownPeople,
	"gollum":        "a wiki page comes without its text",
	"member edited": setUp,

	"installation created": setUp, "installation unsuspend": setUp, "installation new_permissions_accepted": setUp, "installation_repositories added": setUp,
	"repository created": setUp, "repository edited": setUp, "repository archived": setUp, "repository unarchived": setUp, "repository publicized": setUp, "repository privatized": setUp,
}

// Kinds lists the event types, those of one name together.
func (Adapter) Kinds() []platform.Kind {
	var kinds []platform.Kind
	for _, k := range slices.Sorted(maps.Keys(acts)) {
		kinds = append(kinds, platform.Kind{Name: k, Becomes: string(acts[k]), Note: notes[k]})
		if why := sometimes[k]; why != "" {
			kinds = append(kinds, platform.Kind{Name: k, Becomes: platform.Ignored, Note: why})
		}
	}
	kinds = append(kinds, platform.Kind{Name: "marketplace_purchase purchased", Becomes: string(social.SignUp), Note: "of a plan without a price, or on trial"})
	for _, k := range slices.Sorted(maps.Keys(ends)) {
		kinds = append(kinds, platform.Kind{Name: k, Becomes: platform.Revoked, Note: notes[k]})
	}
	for _, k := range slices.Sorted(maps.Keys(ignored)) {
		kinds = append(kinds, platform.Kind{Name: k, Becomes: platform.Ignored, Note: ignored[k]})
	}
	return kinds
}
