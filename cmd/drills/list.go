package main

// drill is a row of the table: what happens, and the tests that carry it out
// and say what they measured (package drill). docs/drills.md says how to add one.
type drill struct {
	kind    string // what happens: a fault, or an attack
	name    string
	tests   []test
	pending string // why there is no test yet
}

const (
	fault  = "fault"
	attack = "attack"
)

func in(pkg string, names ...string) (out []test) {
	for _, n := range names {
		out = append(out, test{"rapport/" + pkg, n})
	}
	return out
}

// drills are all drills, in the order of the table.
var drills = []drill{
	{kind: fault, name: "duplicates, in turn and at once", tests: in("internal/ingest", "TestABatchThatComesAgain")},
	{kind: fault, name: "out of order, with edits and deletions", tests: in("internal/talk", "TestEveryOrderOfEditsAndDeletions")},
	{kind: fault, name: "crash between write and send", tests: in("internal/ingest", "TestKilledInMidBatch")},
	{kind: fault, name: "crash after send", tests: in("internal/ingest", "TestKilledAfterSending")},
	{kind: fault, name: "crash between queue and cursor", tests: in("internal/poll", "TestKilledBetweenQueueAndCursor")},
	{kind: fault, name: "crash while scoring", tests: in("internal/leads", "TestScoringKilledAtAnyRequest")},
	{kind: fault, name: "poison, in time and memory", tests: in("internal/ingest", "TestPoisonIsParkedWhole")},
	{kind: fault, name: "oversize", tests: in("internal/intake", "TestAnswers")},
	{kind: fault, name: "throttled table", tests: in("internal/ingest", "TestThrottledTable")},
	{kind: fault, name: "stale version", tests: append(in("internal/store", "TestStaleVersionIsAConflict"), in("internal/leads", "TestFactBetweenReadAndWrite")...)},
	{kind: fault, name: "model published meanwhile", tests: in("internal/leads", "TestAModelPublishedWhileAScoreIsComputed")},
	{kind: fault, name: "clock skew", tests: append(in("internal/ingest", "TestClocksThatDiffer"), in("internal/platform", "TestReplayWindowGoesBothWays")...)},
	{kind: fault, name: "dead letters redriven", tests: in("cmd/rapport", "TestRedrive")},
	{kind: fault, name: "score and feedback down for an hour", tests: in("internal/ingest", "TestScoreAndFeedbackDownForAnHour")},
	{kind: fault, name: "report down for weeks", tests: in("internal/reporting", "TestAfterAnOutageTheLatestRunsAndTheOthersAreMissed")},
	{kind: fault, name: "restore from a backup, and rebuild", tests: in("internal/rebuild", "TestRestoredFromABackup")},
	{kind: fault, name: "restore, and erase again", tests: in("internal/erasure", "TestErasedAgainAfterARestore")},

	{kind: attack, name: "flipped, stale, unset, another's, rotated", tests: in("internal/intake", "TestForgeriesAtTheDoor")},
	{kind: attack, name: "replayed", tests: in("internal/ingest", "TestABatchThatComesAgain")},
	{kind: attack, name: "forged key characters", tests: in("internal/social", "TestForgedPartsGiveOtherKeys")},
	{kind: attack, name: "another workspace's ids on every operation", tests: in("internal/api", "TestIDsOfAnotherWorkspaceOnEveryOperation", "TestStrangersSeeNoWorkspace")},
	{kind: attack, name: "bad tokens", tests: in("internal/api", "TestToken", "TestNobodyWithoutAToken")},
	{kind: attack, name: "unknown keys in a flood", tests: in("internal/api", "TestKeysAreFetchedSparingly")},
	{kind: attack, name: "role escalation", tests: in("internal/api", "TestMatrix")},
	{kind: attack, name: "body bombs", tests: append(in("internal/api", "TestBodyBombs"), in("internal/platform", "TestDecodeRefuses")...)},
	{kind: attack, name: "bombs in what is fetched", tests: in("internal/fetch", "TestBodiesAreBounded")},
	{kind: attack, name: "HTML", tests: in("internal/report", "TestHostileTextsStayTexts")},
	{kind: attack, name: "formulas", tests: in("internal/report", "TestCSVHoldsNoFormulas")},
	{kind: attack, name: "header injection", tests: in("internal/mail", "TestForgedMessagesAreRefused")},
	{kind: attack, name: "log injection", tests: in("internal/intake", "TestLogHoldsOneLineForARequest")},
	{kind: attack, name: "SSRF: spellings", tests: in("internal/fetch", "TestSpellingsOfInnerAddresses")},
	{kind: attack, name: "SSRF: redirects", tests: in("internal/fetch", "TestRedirects")},
	{kind: attack, name: "SSRF: rebinding", tests: in("internal/fetch", "TestAnswerThatChanges")},
	{kind: attack, name: "XML bombs", tests: in("internal/platform/feed", "TestNestingIsBounded", "TestEntitiesAreNotExpanded")},
	{kind: attack, name: "expression bombs", tests: in("internal/scoring", "TestParseModelBoundsProblemsAndConditions")},
	{kind: attack, name: "token carried to another host", tests: in("internal/fetch", "TestCredentialsStayWithTheHostTheyAreFor")},
	{kind: attack, name: "guest's token", tests: append(in("internal/api", "TestATokenIsForTheHostItWasGivenFor"), in("internal/poll", "TestATokenIsNotSentElsewhere")...)},
	{kind: attack, name: "mail relay", tests: in("internal/api", "TestMailRelay")},
	{kind: attack, name: "quota", tests: in("internal/api", "TestLimitsAreReached")},
}
