package store

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"rapport/internal/limit"
	"rapport/internal/social"
)

// The one table. Every key is made in this file. w is the workspace's id,
// which begins every data key, so that no query can leave its workspace; the
// exceptions, which exist before a workspace is known, are marked *.
//
//	what                      PK                SK                          index
//	account                   w#A#account       @                           G1 w#AA#s / account
//	activity (a fact)         w#A#account       F#time#type#id
//	its correction (a fact)   w#A#account       C#activity#time#id          G1 w#CO#s / time#id
//	received by it            w#A#account       R#time#id
//	its name in a delivery    w#A#account       Y#place (expires)
//	block of its history      w#A#account       B#time#id (of its last fact)
//	decision whose it is      w#A#account       K#time#id (facts; with each account that it is about)
//	what was decided about it w#A#account       D#kind#time#id (facts: about the lead); DI#id (where it stands)
//	attribute of it (a fact)  w#A#account       V#id
//	its company               w#A#account       O (where one is known)      G1 w#CM#company / account; G2 w#CN#s / name#company#account
//	how it came out           w#A#account       D#outcome#time#kind#id (facts)  G1 w#OC#s / time#kind#id, until it is taken back
//	a person it was part of   w#A#account       N#person
//	whose it is               w#A#account       P (of persons of several accounts)  G1 w#PA#s / account#person
//	outcome: where it stands  w#O#id            @
//	accounts of a person      w#P#person        @ (of persons of several accounts; never changes)
//	what was announced of it  w#P#person        X#at#id                     G1 w#XN#s / at#id
//	its profile, and keys     w#A#account       BK (as others are compared with it)
//	who has a key in common   w#BK#key          account (the key hashed; a key is made of a profile)
//	may be one with another   w#A#account       SU#account (facts; with both)       G1 w#SU#s / rank#account#account (with the lesser)
//	who works there, and when they did something  w#CP#company  person
//	lead head                 w#P#person        L#model                     G1 w#R#model#s / step#person; G3 DUE#score#s / due#w#person
//	message: thread, place    w#C#message       @
//	message: edits, deletions w#C#message       E#time#id; E#-#time#id (deletions)
//	message: replies to it    w#C#message       O#time#id; O-#time#id (deleted); also before the message comes
//	thread: asker             w#C#thread        A#account
//	message: depends on it    w#C#message       I#time#id (askers' messages that name it)
//	message: is accepted      w#C#message       J#time#id
//	thread: all, if named     w#C#thread        T#second#side#time#id (of threads that the platform names)
//	thread: private, named    w#C#thread        PN#time#id (of threads that it does not name)
//	thread: closings          w#C#thread        Z#time#kind#id
//	asker's part: messages    w#C#thread#account  M#q#time#id (wants a reply); M#x#time#id (that depends); M#c#time#id (not); M#d#time#id (deleted)
//	asker's part: exchanges   w#C#thread#account  X#answered#reply; XA#answered#reply (automatic)
//	conversation head         w#C#thread#account  @                         G1 w#W#s / waiting_since#…; G2 w#CV#s / hour of last#…
//	asker's part: decisions   w#C#thread#account  D#kind#time#id (facts); DI#id (where it stands)
//	response of a day         w#D#day#s         X#answered#r#reply#account; X#answered#c#thread#account (a conversation's first)
//	months with responses     w#D               X#month
//	day with activities       w#D               day (holds the number of its partitions)
//	tuples of an hour         w#D#day#n         J#hour#hash
//	model, theme set          w#G#kind          V#version; @ (the active ones, the next one); N (when to discover next); S (how far leads are scored by it)
//	another scoring model     w#G#models/model  V#version; P#published#version; S
//	draft of a model          w#G#drafts        name
//	backtest of a model       w#V               T#id; S#id#step (its scores; expire)
//	refit of the reader       w#V               RF#id; S#id#step (its cases; expire)
//	its place in the list     w#G#kind          P#published#version
//	tombstone of an account   w#T#hmac          @
//	what an erasure looks for w#T#hmac          G#facts; C#place
//	receipt of an erasure     w#T               at#id
//	archived object           w#B#day           object (expires)
//	source check              w#Y#check         @ (its facts and views: the workspace w!check)
//	parked delivery           w#K#month         received#id
//	workspace                 w#S               @
//	source                    w#S               S#source
//	own account being applied w#S               O#platform|id
//	member                    w#S               U#subject
//	invitation; machine key   w#S               I#id; K#id (both expire)
//	app that it made          w#S               A#app
//	line of the audit log     w#L#month         at#id
//	count of what was asked   w#Z#limit         start of the window (expires)
//	report                    w#S               R#report
//	run                       w#U#report        due
//	source heard in an hour   w#H#source        hour (a set of slots; expires)
//	source heard last         w#S               H#source
//	how its people stand      w#S               N#day (computed); NA#day (asked for); both expire
//	lease, revoked grant      w#S               L#source; V#source
//	its newest silence        w#S               Q#source
//	announcement              w#X#s             id                          G1 w#XN#s / at#id
//	polled source: where      w#S               C#source                    G3 DUE#poll#s / due#w#source
//	due report                w#S               D#due#report                G3 DUE#report#s / due#w#report
//	mail address              w#E               its keyed hash              G3 DUE#mail#s / due#w#hash, while something is to be done
//	mails of a day            w#E#what          day#n (expires)
//	*app                      APP#app           @
//	*route                    APP#app           R#scope
//	*note of intake           APP#app#N         slot#instance (expires); @ (the latest handshake)
//	*membership               SUB#subject       W#workspace; @ (how often it became a member)
//	*id that is used up       GONE#workspace    @
//	*request done once        SUB#subject#I     a hash of its Idempotency-Key (expires)
//	*workspaces to tick       SYS#TICK          W#workspace
//	*host that is polled      SYS#HOST#host     @ (expires)
//	*address that is stopped  MAIL#hash         @
//	*its mails of a day       MAIL#hash#what    day#n (expires)
//
// Access patterns: score reads w#A# (B within the model's horizon, F and R
// after the last block; w#CP# where a model asks for colleagues); the API's leads read G1 w#R#;
// companies G2 w#CN#, then G1 w#CM#; conversations G1 w#W# (waiting) and G2 w#CV# (by the hour of the newest message); issues,
// reports and discover read w#D, then w#D#day# by hour; the export reads G1 w#AA#, then w#A#;
// the ticks read G3 DUE#kind#s up to now; intake reads APP#; the watch and the API's
// health read w#H# by hour and APP#app#N by slot; announcements G1 w#XN#; corrections G1 w#CO#; outcomes G1 w#OC#.
const (
	attrPK, attrSK = "PK", "SK"
	shards         = 4 // of a workspace's shared lists; fixed, since keys hold it
)

func shard(id string) string {
	h := fnv.New32a()
	h.Write([]byte(id))
	return fmt.Sprint(h.Sum32() % shards)
}

func allShards(prefix string) []string {
	out := make([]string, shards)
	for i := range out {
		out[i] = fmt.Sprintf("%s#%d", prefix, i)
	}
	return out
}

func accountPK(w, account string) string  { return w + "#A#" + account }
func accountsG1(w, account string) string { return w + "#AA#" + shard(account) }
func factSK(a social.Activity) string {
	if a.Undated { // whatever instant it is given, it is one fact
		return "F#-#" + string(a.Type) + "#" + a.ID()
	}
	return "F#" + social.Stamp(a.Occurred) + "#" + string(a.Type) + "#" + a.ID()
}
func receivedSK(a social.Activity) string    { return "R#" + social.Stamp(a.Occurred) + "#" + a.ID() }
func personPK(w, person string) string       { return w + "#P#" + person }
func leadSK(model string) string             { return "L#" + model }
func rankG1(w, model, person string) string  { return w + "#R#" + model + "#" + shard(person) }
func threadPK(w, id string) string           { return w + "#C#" + id }
func partPK(w, thread, asker string) string  { return w + "#C#" + thread + "#" + asker }
func askerSK(asker string) string            { return "A#" + asker }
func headKey(w, thread, asker string) key    { return key{partPK(w, thread, asker), "@"} }
func decisionsOf(group string) string        { return decisions + group + "#" }
func decidedSK(id string) string             { return "DI#" + id }
func monthsPK(w string) string               { return w + "#D" }
func waitingG1(w, thread string) string      { return w + "#W#" + shard(thread) }
func conversationG2(w, thread string) string { return w + "#CV#" + shard(thread) }
func kindPK(w, kind string) string           { return home(w) + "#G#" + kind }
func versionSK(version string) string        { return "V#" + version }
func listedSK(at, version string) string     { return "P#" + at + "#" + version }
func parkedPK(w string, at time.Time) string { return w + "#K#" + at.UTC().Format("2006-01") }
func workspacePK(w string) string            { return w + "#S" }
func communitySK(day string) string          { return "N#" + day }
func communityAskedSK(day string) string     { return "NA#" + day }
func runPK(w, report string) string          { return w + "#U#" + report }
func appPK(app string) string                { return "APP#" + app }
func routeSK(scope string) string            { return "R#" + social.Key(scope) }
func subjectPK(subject string) string        { return "SUB#" + social.Key(subject) }

func memberSK(subject string) string         { return "U#" + social.Key(subject) }
func invitationSK(id string) string          { return "I#" + id }
func machineSK(id string) string             { return "K#" + id }
func madeSK(app string) string               { return "A#" + app }
func auditPK(w string, at time.Time) string  { return w + "#L#" + at.UTC().Format("2006-01") }
func auditSK(at time.Time, id string) string { return social.Stamp(at) + "#" + id }
func gonePK(w string) string                 { return "GONE#" + w }
func sidingSK(p social.Platform, id string) string {
	return "O#" + social.Key(string(p), id)
}
func oncePK(subject string) string { return subjectPK(subject) + "#I" }
func askedPK(w string, name limit.Name) string {
	return w + "#Z#" + string(name)
}

func heardPK(w, source string) string   { return w + "#H#" + source }
func hourSK(at time.Time) string        { return at.UTC().Format("2006-01-02T15") }
func lastHeardSK(source string) string  { return "H#" + source }
func leaseSK(source string) string      { return "L#" + source }
func revokedSK(source string) string    { return "V#" + source }
func silenceSK(source string) string    { return "Q#" + source }
func notesPK(app string) string         { return appPK(app) + "#N" }
func announcedPK(w, id string) string   { return w + "#X#" + shard(id) }
func announcedSK(a Announcement) string { return announcements + social.Stamp(a.At) + "#" + a.ID }
func announcedG1(w, id string) string   { return w + "#XN#" + shard(id) }
func noteSK(slot, inst string) string   { return slot + "#" + social.Key(inst) }

func checkPK(w, id string) string     { return w + "#Y#" + id }
func namedSK(place string) string     { return "Y#" + place }
func archivedPK(w, day string) string { return w + "#B#" + day }
func tombPK(w, tomb string) string    { return w + "#T#" + tomb }
func receiptPK(w string) string       { return w + "#T" }

// CheckWorkspace is the workspace in which a source check keeps its facts and
// views: no name of a workspace holds a "!". It has the models of w.
func CheckWorkspace(w, check string) string { return w + "!" + check }

func home(w string) string {
	w, _, _ = strings.Cut(w, "!")
	return factsOf(w)
}

// Rebuilt is where the views of w are built again, beside those that are in
// use: no name of a workspace holds a "~". Its facts are those of w.
func Rebuilt(w string) string { return w + "~rebuild" }

// factsOf is the workspace that holds the facts of which the views of w are made.
func factsOf(w string) string {
	w, _, _ = strings.Cut(w, "~")
	return w
}

const tickPK = "SYS#TICK"

// Kinds of what is due, in G3.
const (
	duePoll   = "poll"
	dueReport = "report"
	dueMail   = "mail"
)

// dueG3 is the list in which something of a workspace is due: all of one
// workspace in one, so that whoever fills it delays only those beside it.
func dueG3(kind, w string) string { return "DUE#" + kind + "#" + shard(w) }

// dueAt is its place there; id is without "#".
func dueAt(due time.Time, w, id string) string { return social.Stamp(due) + "#" + w + "#" + id }

func recipientsPK(w string) string { return w + "#E" }
func mailPK(address string) string { return "MAIL#" + address }

// allowancePK is where the mails of a day are noted: of a workspace, or of an address.
func allowancePK(of, by string) string {
	if of == AskedOfAddress {
		return mailPK(by) + "#" + of
	}
	return recipientsPK(by) + "#" + of
}

func polledSK(source string) string { return "C#" + source }
func hostPK(host string) string     { return "SYS#HOST#" + social.Key(host) }

func dueSK(due time.Time, report string) string { return "D#" + social.Stamp(due) + "#" + report }

func daysPK(w string) string    { return w + "#D" }
func dateOf(t time.Time) string { return t.UTC().Format(time.DateOnly) }
func dayPK(w string, at time.Time, n int) string {
	return fmt.Sprintf("%s#D#%s#%d", w, dateOf(at), n)
}
func hourSKs(hour int) string { return fmt.Sprintf("J#%02d", hour) }
func blockSK(at time.Time, name string) string {
	return hourSKs(at.UTC().Hour()) + "#" + name
}

// decisions is what the sort keys of decisions about a conversation, or a lead, begin with.
const decisions = "D#"

func decisionSK(group string, at time.Time, id string) string {
	return decisionsOf(group) + social.Stamp(at) + "#" + id
}

// groupOutcome is the group of decisions that outcomes stand in.
const groupOutcome = "outcome"

func backtestsPK(w string) string    { return w + "#V" }
func backtestSK(id string) string    { return "T#" + id }
func refitSK(id string) string       { return "RF#" + id }
func casesSK(id string) string       { return "S#" + id + "#" }
func outcomePK(w, id string) string  { return w + "#O#" + id }
func outcomesG1(w, id string) string { return w + "#OC#" + shard(id) }
func outcomeSK(o Outcome) string     { return decisionsOf(groupOutcome) + outcomePlace(o) }
func outcomePlace(o Outcome) string {
	return social.Stamp(o.At) + "#" + string(o.Kind) + "#" + o.ID
}

// corrections is what the sort keys of corrections of an account's activities begin with.
const corrections = "C#"

// announcements begin the sort keys of what was announced of a person.
const announcements = "X#"

func correctionsOf(activity string) string    { return corrections + activity + "#" }
func correctionsG1(w, activity string) string { return w + "#CO#" + shard(activity) }

// attributes is what the sort keys of an account's attributes begin with.
const attributes = "V#"

// deletions is what the sort keys of a message's deletions begin with.
const deletions = "E#-#"

// links is what the sort keys of decisions about an account begin with.
const links = "K#"

// companyPlace is where a company stands in the list of companies, without the account.
func companyPlace(name, company string) string {
	return strings.ReplaceAll(ShortName(name), "#", "") + "#" + company + "#"
}

// suggestions is what the sort keys of suggestions about an account begin with.
const suggestions = "SU#"

func linkSK(at time.Time, id string) string { return links + social.Stamp(at) + "#" + id }
func profileKey(w, account string) key      { return key{accountPK(w, account), "BK"} }
func listedPK(w, hashed string) string      { return w + "#BK#" + hashed }
func suggestedSK(other string) string       { return suggestions + other }
func suggestedG1(w, account string) string  { return w + "#SU#" + shard(account) }
func knownAsSK(person string) string        { return "N#" + person }
func belongsKey(w, account string) key      { return key{accountPK(w, account), "P"} }
func companyKey(w, account string) key      { return key{accountPK(w, account), "O"} }
func companyG1(w, company string) string    { return w + "#CM#" + company }
func colleaguesPK(w, company string) string { return w + "#CP#" + company }
func companyG2(w, company string) string    { return w + "#CN#" + shard(company) }
func belongsG1(w, account string) string    { return w + "#PA#" + shard(account) }

// editSK sorts deletions before edits, so that they are never past a bound.
func editSK(a social.Activity) string {
	if a.Type == social.Delete {
		return deletions + social.Stamp(a.Occurred) + "#" + a.ID()
	}
	return "E#" + social.Stamp(a.Occurred) + "#" + a.ID()
}

// MessageID is the id of a message in its workspace, made of where it is and
// the platform's own id for it.
func MessageID(p social.Platform, scope, object string) string {
	return social.HashID("msg", social.Key(string(p), scope, object))
}

// ThreadID is the id of a thread that the platform names itself.
func ThreadID(p social.Platform, scope, conversation string) string {
	return social.HashID("thr", social.Key(string(p), scope, conversation))
}

// rankKey sorts the highest step first.
func rankKey(step int, person string) string { return fmt.Sprintf("%04d#%s", 5000-step, person) }

// Due lists are of all workspaces: the key names the workspace, and whoever
// reads one works off what it finds by workspace.
func dueScorePK(s string) string { return "DUE#score#" + s }
func dueScoreSK(due time.Time, w, person string) string {
	return social.Stamp(due) + "#" + w + "#" + person
}
