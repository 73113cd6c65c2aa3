package api

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rapport/internal/leads"
	"rapport/internal/platform/all"
	"rapport/internal/scoring"
	"rapport/internal/social"
	"rapport/internal/store"
	"rapport/internal/watch"
)

// word is what the description says of one name.
type word struct {
	doc     string
	example any
	enum    []string // all values there are
	pattern string   // of every value that is answered; what requests must match stands in tags, which are enforced
}

// words describe, each name once, the fields that have no doc or example tag
// of their own: Schema.field where a name means something else there, else
// the field's name. Schemas and operations are described by theirs.
var words = map[string]word{
	// Operations whose registration says no more than its summary.
	"list-workspaces":    {doc: "All of them, in the order of their ids."},
	"get-workspace":      {doc: "Its name and its time zone, in which its reports are due."},
	"list-sources":       {doc: "All of the workspace, in the order of their ids."},
	"get-source":         {doc: "Where it delivers to, and which accounts act for the business in it."},
	"create-source":      {doc: "Makes an app for it, with its secret, or adds a scope to an app that is there. docs/platforms says for each platform what to enter where. The secret that is made is shown in this answer only."},
	"list-health":        {doc: "One entry for each source, as get-source-health gives it."},
	"delete-model-draft": {doc: "It is gone, whoever wrote it. What was published of it stays."},
	"get-conversation":   {doc: "What asker and business said to each other, as it stands now; what members decided; and each reply of the business with the message it replies to. The three lists are paged apart."},
	"get-issue":          {doc: "The issue, and page by page the messages that it was counted from."},
	"list-models":        {doc: "The scoring models that were published, and which of them is in use."},
	"list-theme-sets":    {doc: "The theme sets that were published, and which of them is in use."},
	"get-model":          {doc: "The rules of one version, as they were published."},
	"get-theme-set":      {doc: "The themes of one version, with typical quotes."},
	"list-reports":       {doc: "All of the workspace, in the order of their ids."},
	"get-report":         {doc: "When it is due, and who gets it."},
	"list-runs":          {doc: "Each instant the report was due at, and what became of it."},
	"get-run":            {doc: "What became of it, and where its files are."},
	"get-run-file":       {doc: "One of the files that the run's files field names."},

	// Schemas.
	"Accepted":            {doc: "Something was asked for and will be done"},
	"Announcement":        {doc: "Something that crossed a line, told once"},
	"App":                 {doc: "A registration with a platform, which signs the deliveries of its sources"},
	"AuditLine":           {doc: "A change that somebody asked for, and what became of it"},
	"AppSettings":         {doc: "What of an app can be changed"},
	"Contribution":        {doc: "What one rule of the scoring model gave or took"},
	"Conversation":        {doc: "One asker in one thread with the business"},
	"Read":                {doc: "What is known of what a text says"},
	"MessageReading":      {doc: "How a message is read"},
	"Correction":          {doc: "What somebody of the business said that a message says"},
	"NewCorrection":       {doc: "What a message says, and how it was chosen"},
	"Draw":                {doc: "Messages drawn by chance"},
	"DrawnMessage":        {doc: "A message that was drawn, without how it was read, so that nobody is led by it"},
	"Agreement":           {doc: "How often the reader was right about one thing"},
	"Agreements":          {doc: "How right the reader was on what was drawn"},
	"LineRead":            {doc: "Who corrected a reading, and what the reader had said"},
	"ConversationDetail":  {doc: "A conversation with what was said in it, what was decided about it, and its exchanges"},
	"ConversationPage":    {doc: "One page of conversations"},
	"Need":                {doc: "How much somebody who waits needs an answer, and why"},
	"Spoken":              {doc: "A message of a conversation, as it stands now"},
	"Decision":            {doc: "What a member decided about a conversation"},
	"OwnAccounts":         {doc: "The accounts of a source that act for the business"},
	"Applied":             {doc: "An account that was named as own, or no longer is, and how far that is applied"},
	"Person":              {doc: "A human, as far as is known: one account, or several that were decided to be one human's"},
	"PersonAccount":       {doc: "An identity on one platform"},
	"PersonDecision":      {doc: "What somebody decided about whose accounts are"},
	"ModelInUse":          {doc: "A scoring model that people are scored by"},
	"ModelPage":           {doc: "The scoring models in use, and a page of the versions of one"},
	"Standing":            {doc: "How a person stands among the people of a workspace"},
	"StandingReading":     {doc: "One reading of a person, with what it is made of"},
	"StandingLine":        {doc: "A part of a reading"},
	"Compared":            {doc: "The people that a person is compared with"},
	"Percentile":          {doc: "Where a value stands among others"},
	"NewPersonDecision":   {doc: "Decides whose accounts are"},
	"PersonAttribute":     {doc: "An attribute of a person, as a source told it"},
	"PersonCompany":       {doc: "Where a person works, as far as it is known"},
	"NewAttribute":        {doc: "An attribute to be stored"},
	"NewAttributes":       {doc: "Attributes to be stored, all or none of them"},
	"FitReason":           {doc: "What one rule about attributes gave"},
	"LeadCompany":         {doc: "Where a person works, as far as it is known"},
	"Company":             {doc: "A company that people work for"},
	"ListedCompany":       {doc: "A company, and how many people are known there"},
	"CompanyTotals":       {doc: "How many companies there are"},
	"CompanyPage":         {doc: "One page of companies"},
	"CompanyPeople":       {doc: "A company with its people"},
	"Colleague":           {doc: "A person of a company"},
	"Suggestion":          {doc: "Two persons who may be one human"},
	"SuggestedPerson":     {doc: "One of two persons who may be one human"},
	"SuggestedAccount":    {doc: "An account of one of two persons who may be one human"},
	"DecidedPeople":       {doc: "The persons that a decision makes"},
	"LeadDecision":        {doc: "What a member decided about a lead"},
	"NewLeadDecision":     {doc: "Decides something about a lead"},
	"DecidedLead":         {doc: "A decision about a lead, and how the lead stands with it"},
	"LeadTotals":          {doc: "How many leads there are"},
	"LeadWords":           {doc: "A message behind a reason"},
	"LeadReach":           {doc: "Where a person can be answered"},
	"OpenComplaint":       {doc: "A conversation in which somebody discontent waits"},
	"NewDecision":         {doc: "Decides something about a conversation"},
	"DecidedConversation": {doc: "A decision, and how the conversation stands with it"},
	"ByAnyone":            {doc: "Response times to the first reply, whoever or whatever gave it"},
	"ChannelTimes":        {doc: "How fast answers came in one channel"},
	"LanguageTimes":       {doc: "How fast answers came to messages in one language"},
	"HourTimes":           {doc: "How fast answers came to messages written in one hour of the week"},
	"Unanswered":          {doc: "How many of those who asked had no answer by a human after a time"},
	"CreatedInvitation":   {doc: "An invitation and, this once, its code"},
	"CreatedKey":          {doc: "A machine key and, this once, the token that programs send"},
	"Invitation":          {doc: "A code that makes whoever redeems it a member, once, before it expires"},
	"Key":                 {doc: "What a program uses the workspace with, in place of a person's token; its secret is shown once, when it is made"},
	"Member":              {doc: "A person who may use the workspace, by a role"},
	"Membership":          {doc: "A workspace that you may use, and your role in it"},
	"NewInvitation":       {doc: "Says what to invite somebody as, and for how long the code holds"},
	"NewKey":              {doc: "Says what a new machine key may do, and until when"},
	"ExpectedLanguages":   {doc: "The languages that a workspace expects"},
	"NewName":             {doc: "Renames something"},
	"NewRole":             {doc: "Gives a member another role"},
	"Recipient":           {doc: "A mail address that a report is for, and whether it gets mail"},
	"Redeeming":           {doc: "Redeems an invitation"},
	"CreatedSource":       {doc: "A source and, this once, the secret that was made for it"},
	"Discovery":           {doc: "Asks for themes to be found"},
	"Erasure":             {doc: "The receipt of something that was erased"},
	"Estimate":            {doc: "A figure with its 95 % interval; where there are too few observations, how many it takes and nothing else"},
	"Exchange":            {doc: "A reply of the business and the message it replies to"},
	"FieldError":          {doc: "What is wrong with one part of the request; its value is never repeated"},
	"Files":               {doc: "The forms of a run, as paths of this API"},
	"Health":              {doc: "How a source is"},
	"Hook":                {doc: "Where a platform that signs nothing sends a source's deliveries"},
	"Issue":               {doc: "A theme that people raised"},
	"IssueEvidence":       {doc: "An issue and the messages it was counted from"},
	"Unread":              {doc: "How many messages in a language could not be read"},
	"IssueList":           {doc: "What a period's feedback comes to"},
	"Lead":                {doc: "A person with a score"},
	"LeadLedger":          {doc: "A lead with everything that its score is the sum of"},
	"LeadPage":            {doc: "One page of leads"},
	"Lease":               {doc: "The state of a subscription"},
	"Line":                {doc: "An activity: one thing that somebody did, as a platform told it"},
	"LineActor":           {doc: "Who acted"},
	"LineObj":             {doc: "What was acted upon: of a message, the message itself"},
	"LineMark":            {doc: "A mark that somebody gave on a scale; its question is the words of whoever asked"},
	"Message":             {doc: "A message of feedback, and how it reads"},
	"Model":               {doc: "A published scoring model"},
	"ModelPreset":         {doc: "A scoring model to start from"},
	"NewModel":            {doc: "A scoring model to be published"},
	"NewTrial":            {doc: "Says which scoring model to try, and on whom"},
	"ModelDraft":          {doc: "A scoring model that is being written. Nobody is scored by it"},
	"NewDraft":            {doc: "A draft of a scoring model, to be saved"},
	"Saved":               {doc: "Which draft there is"},
	"ModelTrial":          {doc: "What a scoring model says of people, beside the one in use"},
	"PersonTrial":         {doc: "A person by two scoring models"},
	"ScoredLead":          {doc: "A score and what it is the sum of"},
	"RuleGiven":           {doc: "What one rule of a scoring model gave or took"},
	"ModelComparison":     {doc: "What a scoring model has otherwise than another"},
	"ModelChange":         {doc: "One difference between two scoring models"},
	"ModelProgress":       {doc: "How far leads are scored by the model in use"},
	"NewErasure":          {doc: "Names an account that is to be forgotten"},
	"NewReplay":           {doc: "Says what to replay"},
	"NewRun":              {doc: "Asks for a run"},
	"NewSecret":           {doc: "A secret to rotate to"},
	"NewSource":           {doc: "What a source is created from"},
	"NewWorkspace":        {doc: "What a workspace is created from"},
	"OwnInBody":           {doc: "The accounts that act for the business"},
	"ParkedCount":         {doc: "How much is parked, and why"},
	"ParkedDelivery":      {doc: "A delivery, or a part of one, that could not be understood"},
	"ParkedReason":        {doc: "How often deliveries were parked for one reason"},
	"PollingHealth":       {doc: "How fetching a source goes"},
	"Problem":             {doc: "A problem document (RFC 9457). Its type is about:blank, so the title is the status in words"},
	"QueuedErasure":       {doc: "What is going to be forgotten"},
	"Quote":               {doc: "A message that stands for others"},
	"ReasonCount":         {doc: "How often something happened for a reason"},
	"Refusals":            {doc: "Requests to an app's hook that were refused"},
	"ReplayResult":        {doc: "What a replay comes to, as of before it"},
	"Report":              {doc: "A report that comes every week"},
	"ReportSettings":      {doc: "What can be changed of a report"},
	"ResponseTime":        {doc: "One figure of how fast answers came"},
	"ResponseTimes":       {doc: "Figures of how fast answers came, which answer different questions"},
	"RevokedGrant":        {doc: "The grant behind a source has ended"},
	"Rhythm":              {doc: "When a source is usually heard"},
	"RotatedApp":          {doc: "An app and, this once, the secret that was made for it"},
	"Run":                 {doc: "One due instant of a report, and what became of it"},
	"Secret":              {doc: "Stands for a secret, which is never shown"},
	"Silence":             {doc: "What the present quiet of a source means"},
	"Source":              {doc: "A connected page, team, channel, forum or account"},
	"Stays":               {doc: "Something of an erased account that stays, or stays a while"},
	"Step":                {doc: "One step of a source check"},
	"Theme":               {doc: "What some people talk about"},
	"Stopping":            {doc: "Stops a workspace, or starts it again"},
	"LimitUsed":           {doc: "A limit, and how much of it is used"},
	"Usage":               {doc: "What a workspace took in a month, what that costs about, and its limits"},
	"ThemeSet":            {doc: "A published list of themes"},
	"SourceCheck":         {doc: "What a source check came to"},
	"Version":             {doc: "One published version of what a workspace computes by"},
	"Workspace":           {doc: "One customer of Rapport, whose data nobody else sees"},
	"RunChange":           {doc: "A number of a run that is another since the run was first made"},

	// Ids.
	"app":                         {doc: "The app's id", example: "app_mzxw6ytboi4dcmrqgq2tmnzygi", pattern: `^app_[A-Za-z0-9_-]{1,60}$`},
	"delivery":                    {example: "dlv_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"example":                     {example: "prk_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"guest":                       {example: "partner"},
	"guests":                      {example: []string{"partner"}},
	"id":                          {doc: "Its id, which stays"},
	"Announcement.id":             {example: "ann_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"App.id":                      {example: "app_mzxw6ytboi4dcmrqgq2tmnzygi", pattern: `^app_[A-Za-z0-9_-]{1,60}$`},
	"AuditLine.id":                {example: "log_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"AuditLine.on":                {example: "sources/src_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"AuditLine.who":               {example: "3f1c2a9e-7d44-4f0a-9b0e-0c6b2b1f5a77"},
	"CreatedKey.token":            {example: "rk_acme_mzxw6ytboi4dcmrqgq2tmnzygi_…"},
	"Invitation.id":               {example: "inv_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"CreatedInvitation.id":        {example: "inv_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"CreatedInvitation.code":      {example: "ri_acme_mzxw6ytboi4dcmrqgq2tmnzygi_…"},
	"Redeeming.code":              {example: "ri_acme_mzxw6ytboi4dcmrqgq2tmnzygi_…"},
	"Key.id":                      {example: "key_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"CreatedKey.id":               {example: "key_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"Member.subject":              {example: "3f1c2a9e-7d44-4f0a-9b0e-0c6b2b1f5a77"},
	"Membership.workspace":        {example: "acme"},
	"NewInvitation.days":          {example: 7},
	"invited_by":                  {example: "3f1c2a9e-7d44-4f0a-9b0e-0c6b2b1f5a77"},
	"created_by":                  {example: "3f1c2a9e-7d44-4f0a-9b0e-0c6b2b1f5a77"},
	"member":                      {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"invitation":                  {example: "inv_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"Usage.dollars":               {example: 12.4},
	"Usage.stopped_by":            {example: "owner"},
	"Usage.stored_bytes":          {example: 48230912},
	"Usage.activities":            {example: 182340},
	"LimitUsed.most":              {example: 100},
	"LimitUsed.used":              {example: 12},
	"RotatedApp.id":               {example: "app_mzxw6ytboi4dcmrqgq2tmnzygi", pattern: `^app_[A-Za-z0-9_-]{1,60}$`},
	"Source.id":                   {example: "src_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq", pattern: `^[A-Za-z0-9_-]{1,64}$`},
	"CreatedSource.id":            {example: "src_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq", pattern: `^[A-Za-z0-9_-]{1,64}$`},
	"Erasure.id":                  {example: "3f1c9a7be2d04415"},
	"LineActor.id":                {doc: "The account's id on the platform", example: "7781"},
	"LineObj.id":                  {doc: "Its id on the platform", example: "90211"},
	"NewErasure.id":               {example: "7781"},
	"ParkedDelivery.id":           {example: "prk_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"Report.id":                   {example: "weekly", pattern: `^[a-z0-9-]{1,40}$`},
	"Secret.id":                   {example: "sec_0123456789abcdef", pattern: `^sec_[0-9a-f]{16}$`},
	"Theme.id":                    {example: "thm_3kq2v7"},
	"Workspace.id":                {pattern: `^[a-z0-9-]{3,40}$`},
	"ids":                         {example: []string{"prk_mzxw6ytboi4dcmrqgq2tmnzygi"}},
	"key":                         {example: "standard/forum/post/90211"},
	"last_key":                    {example: "standard/forum/post/90211"},
	"keys":                        {example: []string{"standard/forum/post/90211"}},
	"evidence":                    {example: []string{"standard/forum/post/90211"}},
	"Correction.id":               {example: "cor_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"Correction.reader":           {example: "r2-1937a6c6cd"},
	"MessageReading.reader":       {example: "r2-1937a6c6cd"},
	"LineRead.reader":             {example: "r2-1937a6c6cd"},
	"MessageReading.message":      {doc: "Its id"},
	"DrawnMessage.message":        {doc: "Its id"},
	"DrawnMessage.scope":          {doc: "The page, team, channel or forum"},
	"LineRead.severity":           {doc: "Of a problem or complaint: 0 none, 1 slight, 2 serious, 3 work stands still or somebody is harmed"},
	"LineRead.needs_answer":       {doc: "The probability that the text needs an answer, as somebody's first message"},
	"LineRead.needs_answer_after": {doc: "The same, where it follows what the business said"},
	"needs_answer":                {example: 0.93},
	"needs_answer_after":          {example: 0.88},
	"NewCorrection.needs_answer":  {example: true},
	"Correction.needs_answer":     {example: true},
	"Agreements.heads":            {doc: "What was compared, each"},
	"seed":                        {example: "mzxw6ytboi"},
	"Decision.id":                 {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b11"},
	"NewDecision.id":              {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b11"},
	"by":                          {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"Lead.department":             {example: "service"},
	"LeadLedger.department":       {example: "service"},
	"LeadTotals.leads":            {example: 482},
	"LeadTotals.to_call":          {example: 14},
	"LeadWords.rule":              {example: "questions"},
	"LeadDecision.id":             {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b11"},
	"LeadDecision.by":             {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"LeadDecision.owner":          {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"LeadDecision.department":     {example: "service"},
	"LeadDecision.text":           {example: "Wants an offer for 40 seats by May"},
	"NewLeadDecision.id":          {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b11"},
	"NewLeadDecision.status":      {example: "contacted"},
	"NewLeadDecision.owner":       {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"NewLeadDecision.text":        {example: "Wants an offer for 40 seats by May"},
	"Decision.to":                 {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"NewDecision.to":              {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"Decision.text":               {example: "Called back, the refund is on its way"},
	"Applied.id":                  {example: "1029"},
	"Applied.activities":          {example: 240},
	"NewCorrection.chosen":        {example: "drawn"},
	"PersonAttribute.id":          {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b11"},
	"PersonAttribute.name":        {doc: "Which attribute", example: "title"},
	"PersonAttribute.value":       {example: "Head of IT"},
	"PersonAttribute.kind":        {doc: "What the value is: text, a number, true or false, or a date (year-month-day)"},
	"NewAttribute.id":             {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b11"},
	"NewAttribute.name":           {example: "title"},
	"NewAttribute.value":          {example: "Head of IT"},
	"NewAttributes.attributes":    {doc: "Each with an id of its own"},
	"FitReason.rule":              {example: "decides"},
	"FitReason.reason":            {example: "decides on tools: yes, 20 points; title is \"Head of IT\" (form, since 2026-11-02)"},
	"fit_points":                  {example: "20"},
	"LeadReach.email":             {example: "ada@contoso.com"},
	"Colleague.email":             {example: "ada@contoso.com"},
	"Colleague.grade":             {doc: "Fit (A to D, or ?) and engagement (1 to 4)", example: "B2"},
	"FitReason.micro_points":      {doc: "The same in millionths of a point", example: 20000000},
	"LeadCompany.name":            {example: "Contoso Ltd."},
	"PersonCompany.name":          {example: "Contoso Ltd."},
	"Company.name":                {example: "Contoso Ltd."},
	"ListedCompany.name":          {example: "Contoso Ltd."},
	"CompanyPeople.name":          {example: "Contoso Ltd."},
	"domain":                      {example: "contoso.com"},
	"company":                     {doc: "The company's id", example: "com_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"CompanyTotals.companies":     {example: 87},
	"Colleague.name":              {doc: "The person's name", example: "Ada Lovelace"},
	"Colleague.title":             {example: "Head of IT"},
	"ListedCompany.people":        {example: 3},
	"Person.accounts":             {doc: "Sorted by their ids"},
	"account":                     {doc: "The account's id", example: "acc_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"ModelInUse.title":            {doc: "What it is for", example: "Advocates: who recommends you"},
	"ModelInUse.leads":            {example: 812},
	"Standing.compared":           {doc: "With whom the percentiles compare"},
	"StandingReading.reading":     {doc: "Which"},
	"StandingReading.missing":     {example: "not enough data: 12 people, of at least 30"},
	"StandingReading.others":      {example: 0},
	"StandingLine.points":         {example: "0.6"},
	"StandingLine.rule":           {example: "dialogue"},
	"Percentile.share":            {example: 0.93},
	"Percentile.from":             {example: 0.89},
	"Percentile.to":               {example: 0.96},
	"Compared.day":                {example: "2026-11-29"},
	"Compared.people":             {example: 187},
	"PersonDecision.id":           {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b11"},
	"PersonDecision.by":           {doc: "The id of the member or machine key who decided, or rapport", example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"PersonDecision.undoes":       {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b10"},
	"PersonDecision.accounts":     {doc: "The accounts it is about", example: []string{"acc_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"}},
	"PersonDecision.others":       {example: []string{"acc_nzxw6ytboi4dcmrqgq2tmnzygiydcmrq"}},
	"Suggestion.id":               {doc: "Made of the two accounts that are alike", example: "sug_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"Suggestion.at":               {doc: "When it was found"},
	"Suggestion.probability":      {doc: "That they are one human, by what is alike: 0.3 or more", example: 0.97},
	"Suggestion.reasons":          {doc: "In words, the heaviest first, then what speaks against it", example: []string{"both are called Ada Lovelace, a name of 1 in 40,000 here"}},
	"Suggestion.people":           {doc: "Two"},
	"SuggestedPerson.person":      {doc: "Its id, by which decide-person takes it", example: "per_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"SuggestedPerson.accounts":    {doc: "All that belong to it now"},
	"SuggestedAccount.account":    {doc: "Its id", example: "acc_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"SuggestedAccount.platform":   {doc: "Where it is", example: "github"},
	"SuggestedAccount.handle":     {doc: "As shown with an @, without it", example: "ada-l"},
	"SuggestedAccount.name":       {doc: "As it is displayed", example: "Ada Lovelace"},
	"SuggestedAccount.alike":      {doc: "It is one of the two that the reasons are about"},
	"NewPersonDecision.id":        {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b11"},
	"NewPersonDecision.with":      {example: "per_nzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"NewPersonDecision.accounts":  {example: []string{"acc_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"}},
	"NewPersonDecision.decision":  {example: "0b7c2a9e-5d1f-4b7e-9a51-7c3f0e2d9b10"},
	"NewDecision.text":            {example: "Called back, the refund is on its way"},
	"until":                       {example: "2026-11-05T09:00:00Z"},
	"assigned":                    {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"helped_by":                   {example: "per_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"decision":                    {doc: "What was decided"},
	"ChannelTimes.scope":          {doc: "The page, team, channel or forum", example: "forum"},
	"messages_cursor":             {example: "AWt3m2a9Zk1xQm5YcGJ0"},
	"decisions_cursor":            {example: "AWt3m2a9Zk1xQm5YcGJ0"},
	"Need.points":                 {example: 142},
	"activity":                    {example: "act_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"answers":                     {example: "msg_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"answered_by":                 {example: []string{"act_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"}},
	"Spoken.in_reply_to":          {example: "msg_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"Spoken.occurred":             {doc: "When it was said"},
	"severity":                    {example: 2},
	"ranked_of":                   {example: 412},
	"total":                       {example: 37},
	"min_wait":                    {example: "4h"},
	"HourTimes.weekday":           {doc: "The day of the week"},
	"hour":                        {example: 9},
	"after_hours":                 {doc: "After so many hours", example: 24},
	"askers":                      {example: 120},
	"unanswered":                  {example: 18},
	"message":                     {example: "msg_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"reply":                       {example: "standard/forum/reply/90344"},
	"App.owner":                   {example: "acme", pattern: `^[a-z0-9-]{3,40}$`},
	"owner":                       {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"own_accounts":                {example: []string{"1029"}},
	"person":                      {doc: "The person's id", example: "per_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq", pattern: `^per_[A-Za-z0-9_-]{1,60}$`},
	"report":                      {doc: "The report's id", example: "weekly", pattern: `^[a-z0-9-]{1,40}$`},
	"secret":                      {example: "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
	"source":                      {doc: "The source's id", example: "src_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq", pattern: `^[A-Za-z0-9_-]{1,64}$`},
	"theme":                       {doc: "The theme's id", example: "thm_3kq2v7"},
	"theme_set":                   {doc: "The version of the theme set that the messages were assigned by", example: "20261102T060000Z"},
	"thread":                      {doc: "The thread's id: of one that the platform names thr_…, else that of its first message, msg_…", example: "thr_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"},
	"version":                     {doc: "Its version, for URLs", example: "1", pattern: `^[A-Za-z0-9_-]{1,64}$`},
	"next_cursor":                 {example: "AWt3m2a9Zk1xQm5YcGJ0"},
	"cursor":                      {example: "AWt3m2a9Zk1xQm5YcGJ0"},
	"RuleGiven.micro_points":      {doc: "The same in millionths of a point", example: 4500000},
	"RuleGiven.rule":              {doc: "The id of the rule in the scoring model", example: "asks-to-buy"},
	"NewTrial.model":              {example: exampleModel},
	"NewTrial.people":             {example: []string{"per_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq"}},
	"nobody":                      {example: []string{"per_nzxw6ytboi4dcmrqgq2tmnzygiydcmrq"}},
	"ModelPreset.name":            {doc: "Its name among the presets", example: "community"},
	"ModelPreset.title":           {doc: "The title of the model", example: "Social leads"},
	"ModelPreset.about":           {example: "Who in public and in your community is interested in what you sell. A new workspace starts with it."},
	"ModelComparison.from":        {example: "1"},
	"ModelComparison.to":          {example: "2"},
	"ModelChange.what":            {doc: "What became of the rule or setting", example: "changed"},
	"ModelChange.rule":            {example: "asks-to-buy"},
	"ModelChange.field":           {example: "points"},
	"ModelChange.before":          {example: "10"},
	"ModelChange.after":           {example: "15"},
	"ModelProgress.done":          {example: 1200},
	"ModelProgress.of":            {example: 3400},
	"ModelProgress.failed":        {example: 0},
	"Contribution.rule":           {doc: "The id of the rule in the scoring model", example: "asks-to-buy"},
	"ThemeSet.reader":             {example: "3"},
	idempotencyKey:                {example: "8e03978e-40d5-43dd-bc93-6894a57f9324"},
	"Link":                        {example: `</v1/workspaces/acme/leads?cursor=AWt3m2a9Zk1xQm5YcGJ0>; rel="next"`},
	"Location":                    {example: "/v1/workspaces/acme"},
	"Content-Type":                {doc: "The media type of the body", example: "application/json"},
	"Content-Disposition":         {doc: "Whether to show or to save it, and under which name", example: `inline; filename="acme-weekly-2026-11-02.html"`},
	"Content-Security-Policy":     {doc: "What a page of it may do in a browser", example: "sandbox; default-src 'none'"},
	"ETag":                        {doc: "Names this state: for If-None-Match, and If-Match where it is changed", example: `"8c1f0a9d3b6e47a2c5d0e1f2"`},

	// Instants and periods.
	"as_of":        {doc: "The instant it is as of"},
	"at":           {doc: "When that was"},
	"answered":     {doc: "When the business replied"},
	"asked":        {doc: "When the message was written"},
	"created":      {doc: "When it was created"},
	"due":          {doc: "When it was due"},
	"from":         {doc: "The beginning of the period", example: "2026-10-05T00:00:00Z"},
	"to":           {doc: "The end of the period, excluded"},
	"last_success": {doc: "When fetching last went well; absent if it never did"},
	"month":        {},
	"newest":       {doc: "When the newest was received"},
	"next_due":     {doc: "When it is due next"},
	"occurred":     {doc: "When it was done"},
	"published":    {doc: "When it was published"},
	"received":     {doc: "When Rapport received it"},
	"seconds":      {doc: "How long the reply took", example: 5400},

	// People and what they say.
	"actor":                     {doc: "Who acted"},
	"object":                    {doc: "What was acted upon"},
	"author":                    {example: "ada"},
	"conversation":              {doc: "The conversation"},
	"Line.conversation":         {doc: "The platform's id of the thread, where it names one", example: "90211"},
	"direction":                 {doc: "inbound: done by somebody else; outbound: by an account of the business"},
	"fit":                       {doc: "How well the person fits the business, A (best) to D, by the attributes that the model's fit asks for; unknown where too few of them are known, or the model asks for none", example: "B", enum: []string{"A", "B", "C", "D", scoring.Unknown}},
	"grade":                     {enum: grades()},
	"engagement":                {example: 1},
	"handle":                    {doc: "The account's handle on the platform", example: "ada"},
	"in_reply_to":               {doc: "The platform's id of what it replies to", example: "90198"},
	"intent":                    {doc: "What the text is for; unread where it is in a language that can't be read, absent where there is no text", example: social.IntentQuestion, enum: append(slices.Clone(social.Intents), social.IntentUnread)},
	"sentiment":                 {doc: "How the text sounds; unread where it is in a language that can't be read, absent where there is no text", example: social.SentimentNeutral, enum: append(slices.Clone(social.Sentiments), social.SentimentUnread)},
	"language":                  {doc: "The text's language (BCP 47); und: it can't be told", example: "en"},
	"keywords":                  {doc: "The words that mark it", example: []string{"price", "plan"}},
	"label":                     {doc: "A short name for people", example: "price, plan"},
	"LineActor.name":            {doc: "The account's name for people", example: "Ada Lovelace"},
	"Lead.name":                 {doc: "The person's name", example: "Ada Lovelace"},
	"LeadLedger.name":           {doc: "The person's name", example: "Ada Lovelace"},
	"Lead.platform":             {enum: platforms()},
	"platform":                  {doc: "The platform", example: "standard", enum: platforms()},
	"scope":                     {example: "forum"},
	"text":                      {doc: "What was written", example: "What does the team plan cost?"},
	"Announcement.text":         {example: "Our forum has been silent since 2 November, 08:15: look whether it still delivers."},
	"Line.type":                 {doc: "What was done", example: string(social.Post), enum: texts(social.Types)},
	"LineObj.type":              {doc: "What kind of thing it is, in the platform's word", example: "note"},
	"url":                       {doc: "Where it is on the platform", example: "https://forum.example.com/t/90211"},
	"quotes":                    {example: []string{"What does the team plan cost?"}},
	"Line.undated":              {},
	"Line.sentiment":            {doc: "How the text sounds, but for a rating, which decides where there is one, and for a reaction, which has its own; unread where it is in a language or of a type that can't be read, absent where there is none of these", enum: append(slices.Clone(social.Sentiments), social.SentimentUnread)},
	"Line.words":                {doc: "How the text alone sounds, where the rating decides otherwise", example: social.SentimentPositive, enum: append(slices.Clone(social.Sentiments), social.SentimentUnread)},
	"Line.addressed":            {example: []string{"U024BE7LH"}},
	"Line.reaction":             {example: "👍"},
	"Line.rating":               {doc: "A mark that was given on a scale"},
	"Line.negative":             {doc: "The probability that the text is negative", example: 0.87},
	"Line.severity":             {example: 2},
	"Line.needs_answer":         {example: 0.93},
	"Line.needs_answer_after":   {example: 0.88},
	"LineMark.kind":             {doc: "What it measures: recommendation (nps), satisfaction (csat), effort (ces), stars of a review, a thumb (0 down, 1 up), or another scale (score)"},
	"LineMark.question":         {example: "How likely are you to recommend us?"},
	"LineMark.value":            {example: 9},
	"LineMark.worst":            {example: 0},
	"LineMark.best":             {example: 10},
	"LineActor.scope":           {example: "forum"},
	"people":                    {doc: "How many people, each once", example: 41},
	"people_before":             {example: 28},
	"messages":                  {doc: "How many messages", example: 63},
	"unassigned":                {example: 120},
	"unread":                    {},
	"untagged":                  {example: 0},
	"negative":                  {example: 22},
	"neutral":                   {example: 37},
	"positive":                  {example: 4},
	"Theme.people":              {example: 41},
	"Conversation.waiting":      {},
	"Conversation.state":        {enum: []string{"waiting", "answered", "closed"}},
	"ParkedDelivery.events":     {example: 1},
	"ConversationDetail.issue":  {},
	"issue":                     {doc: "The issue"},
	"exchanges":                 {},
	"Contribution.micro_points": {doc: "The same in millionths of a point", example: 4500000},
	"micro_points":              {example: 27250000},
	"points":                    {doc: "Points, exact; negative if the rule takes away"},
	"reasons":                   {example: []string{"asked 2 questions that only a buyer asks, the last 3 days ago"}},
	"Contribution.reason":       {example: "asked 2 questions that only a buyer asks, the last 3 days ago"},

	// Figures.
	"count":              {doc: "How many", example: 12},
	"n":                  {example: 41},
	"needed":             {example: 6},
	"value":              {doc: "The figure itself", example: 0.34},
	"low":                {example: 0.21},
	"high":               {example: 0.49},
	"ResponseTime.low":   {example: 1800},
	"ResponseTime.high":  {example: 9000},
	"median_seconds":     {doc: "The median, in seconds", example: 4200},
	"failures":           {example: 0},
	"last_24_hours":      {doc: "In the last 24 hours", example: 3},
	"last_hour":          {doc: "In the last hour", example: 0},
	"busiest_hour":       {example: 10},
	"weeks":              {example: 8},
	"slots":              {example: 812},
	"slots_per_week":     {example: 101.5},
	"quiet_hours":        {example: 52},
	"resumes":            {example: 0.8},
	"probability":        {example: 0.42},
	"mailed":             {example: 2},
	"after_ms":           {example: 830},
	"deliveries":         {example: 12},
	"would_add":          {example: 9},
	"same":               {example: 3},
	"would_change":       {example: 0},
	"erased":             {example: 0},
	"still_parked":       {example: 0},
	"ignored":            {doc: "Events that are known to tell of nobody's doing", example: 1},
	"removed":            {example: map[string]int{"facts": 12, "views": 31}},
	"limit":              {example: 20},
	"Problem.status":     {example: 422},
	"ReplayResult.keys":  {},
	"ThemeSet.messages":  {},
	"IssueList.messages": {},

	// Sources, apps and reports.
	"accepted":               {doc: "That it was"},
	"api_token":              {example: "EAAG…"},
	"config":                 {example: map[string]any{"mapping": map[string]any{"type": map[string]any{"value": "post"}, "id": map[string]any{"path": "/id"}, "actor_id": map[string]any{"path": "/user"}, "occurred": map[string]any{"path": "/at"}, "scope": map[string]any{"path": "/forum"}, "direction": map[string]any{"value": "inbound"}}}},
	"Announcement.evidence":  {example: map[string]string{"last_heard": "2026-11-02T08:15:00Z"}},
	"IssueEvidence.evidence": {},
	"dry_run":                {doc: "Whether nothing was done"},
	"example_reason":         {example: `config.mapping.text: "body.message" is not in the delivery`},
	"form":                   {doc: "The file's form", example: "html"},
	"Files.html":             {doc: "The report as a page", example: "/v1/workspaces/acme/reports/weekly/runs/20261102T070000Z/html"},
	"Files.csv":              {doc: "Its figures as a table", example: "/v1/workspaces/acme/reports/weekly/runs/20261102T070000Z/csv"},
	"Files.json":             {doc: "Its figures as JSON", example: "/v1/workspaces/acme/reports/weekly/runs/20261102T070000Z/json"},
	"Files.txt":              {doc: "The report as plain text", example: "/v1/workspaces/acme/reports/weekly/runs/20261102T070000Z/txt"},
	"hook_url":               {doc: "The full URL, with its secret end", example: "https://api.example.com/hooks/app_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"Announcement.kind": {enum: []string{watch.KindSilent, watch.KindHeard, watch.KindRevoked, watch.KindLease, watch.KindHandshake, watch.KindRefusals, watch.KindPolling,
		leads.KindToCall, leads.KindNotToCall, leads.KindRose, leads.KindFell}},
	"legacy_signatures":               {doc: "Whether the platform's legacy signature is accepted too"},
	"model":                           {example: "default"},
	"ModelPreset.model":               {example: map[string]any{"id": "default", "version": 1}},
	"Model.model":                     {example: map[string]any{"id": "default", "version": 1}},
	"NewModel.model":                  {example: exampleModel},
	"NewDraft.model":                  {example: exampleModel},
	"ModelDraft.model":                {example: map[string]any{"id": "default", "version": 1}},
	"AuditLine.outcome":               {example: "done"},
	"LeftOut.why":                     {example: "no_activity"},
	"NewImport.source":                {example: "crm"},
	"PersonAttribute.source":          {example: "crm"},
	"PersonCompany.source":            {example: "crm"},
	"NewAttribute.source":             {example: "crm"},
	"FitReason.source":                {example: "crm"},
	"StandingReading.value":           {example: "3.21"},
	"name":                            {doc: "Its name for people", example: "Our forum"},
	"Step.name":                       {doc: "The step", example: "answered"},
	"ok":                              {doc: "Whether it went well"},
	"Step.detail":                     {example: "202 Accepted"},
	"problem":                         {example: "the platform answered 403"},
	"reason":                          {doc: "Why", example: "the scope \"crew\" has no source"},
	"other_reasons":                   {example: []string{"the field text is missing"}},
	"NewErasure.reason":               {example: "asked for"},
	"Erasure.reason":                  {example: "asked for"},
	"QueuedErasure.reason":            {example: "asked for"},
	"recipients":                      {example: []string{"ada@example.com"}},
	"revoked":                         {doc: "Present where the grant behind the source was taken back"},
	"silence":                         {doc: "What its present quiet means"},
	"Run.state":                       {enum: store.RunStates},
	"Health.status":                   {enum: texts(watch.Statuses)},
	"time_zone":                       {example: "Europe/Berlin"},
	"title":                           {example: http.StatusText(http.StatusUnprocessableEntity)},
	"Problem.detail":                  {example: "the request can't be carried out as it stands"},
	"FieldError.detail":               {example: "is not before to"},
	"location":                        {example: "query.from"},
	"verify_token":                    {example: "a-word-of-yours"},
	"weekday":                         {doc: "The day of the week it is due on, in the workspace's time zone", example: "monday"},
	"what":                            {doc: "What stays", example: "backups of the table"},
	"what_to_do":                      {example: "Look whether the platform still delivers here."},
	"why":                             {doc: "Why it stays", example: "point-in-time recovery keeps each second of 35 days"},
	"archived":                        {},
	"Outcome":                         {doc: "How it came out with a person"},
	"NewOutcome":                      {doc: "Records how it came out with a person"},
	"NewOutcomes":                     {doc: "Records outcomes of several people"},
	"RecordedRow":                     {doc: "What became of one outcome of a batch"},
	"RecordedOutcomes":                {doc: "What became of a batch of outcomes"},
	"OutcomePage":                     {doc: "One page of outcomes"},
	"OutcomeTotals":                   {doc: "How many outcomes there are"},
	"OutcomeNumber":                   {doc: "How many outcomes there are of one kind"},
	"ReaderInUse":                     {doc: "What a workspace's texts are read by"},
	"Refit":                           {doc: "One fitting of the reader to a workspace's corrections"},
	"RefitResult":                     {doc: "What came of a refit"},
	"RefitHead":                       {doc: "What came of a refit for one of the things that the reader says"},
	"RefitOffset":                     {doc: "What is added to the logarithm of the probability of one class"},
	"refit":                           {example: "rft_20261102093000000_mzxw6ytb"},
	"Refit.failed":                    {example: "the corrections can't be read"},
	"NewBacktest":                     {doc: "Tries a scoring model on the outcomes of the past"},
	"Backtest":                        {doc: "A scoring model tried on the outcomes of the past"},
	"BacktestResult":                  {doc: "What came of a backtest"},
	"LeftOut":                         {doc: "How many outcomes the models are not judged by, and why"},
	"Interval":                        {doc: "A figure and its 95 % interval"},
	"ModelFigures":                    {doc: "How well a model's scores foresaw outcomes"},
	"TopFigures":                      {doc: "How it is among the highest scores"},
	"CalibrationBin":                  {doc: "How often it came out as was to be foreseen, of scores in a range"},
	"BacktestCall":                    {doc: "From how many points on people are worth a call"},
	"NewBacktest.model":               {example: map[string]any{"id": "default", "version": 2, "title": "Leads", "horizon_days": 90, "engagement": []string{"5", "15", "30"}, "rules": []any{}}},
	"NewBacktest.positive":            {example: []any{"won"}},
	"NewBacktest.aim":                 {example: 0.5},
	"NewBacktest.before_hours":        {example: 24},
	"Backtest.id":                     {example: "bkt_20261102093000000_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"Backtest.by":                     {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"Backtest.model":                  {example: "default"},
	"Backtest.version":                {example: "2"},
	"Backtest.active":                 {example: "1"},
	"Backtest.positive":               {example: []any{"won"}},
	"Backtest.aim":                    {example: 0.5},
	"Backtest.before_hours":           {example: 24},
	"Backtest.looked":                 {example: 812},
	"Backtest.of":                     {example: 812},
	"Backtest.result":                 {doc: "Absent until it has ended, and where it failed"},
	"Backtest.failed":                 {example: "the scoring model has 1 problem"},
	"BacktestResult.verdict":          {example: "better: AUC .81 against .74, difference .07 [.03, .11] on 790 outcomes"},
	"BacktestResult.outcomes":         {example: 790},
	"BacktestResult.positives":        {example: 214},
	"BacktestResult.people":           {example: 655},
	"BacktestResult.drift":            {example: 0.04},
	"BacktestResult.currency":         {example: "EUR"},
	"LeftOut.outcomes":                {doc: "How many", example: 22},
	"Interval.value":                  {doc: "The figure", example: 0.81},
	"Interval.low":                    {example: 0.77},
	"Interval.high":                   {example: 0.85},
	"ModelFigures.value_at_top":       {example: 0.31},
	"TopFigures.share":                {example: 0.1},
	"TopFigures.outcomes":             {doc: "How many that are", example: 79},
	"CalibrationBin.from":             {example: 15.5},
	"CalibrationBin.to":               {example: 22},
	"CalibrationBin.outcomes":         {doc: "How many have such a score", example: 80},
	"CalibrationBin.share":            {example: 0.41},
	"CalibrationBin.low":              {example: 0.31},
	"CalibrationBin.high":             {example: 0.52},
	"BacktestCall.points":             {example: 22.5},
	"BacktestCall.verdict":            {example: "call from 22.5: 61 of the 84 people at or above it were won (73 %, at least 58 %)"},
	"Outcome.id":                      {example: "deal-4711"},
	"Outcome.withdrawn_by":            {example: "mem_mzxw6ytboi4dcmrqgq2tmnzygi"},
	"NewOutcome.id":                   {example: "deal-4711"},
	"NewOutcomes.outcomes":            {example: []any{map[string]any{"id": "deal-4711", "person": "per_mzxw6ytboi4dcmrqgq2tmnzygiydcmrq", "kind": "won", "at": "2026-10-01T09:00:00Z", "value": "1999.90", "currency": "EUR"}}},
	"RecordedRow.row":                 {example: 3},
	"RecordedRow.id":                  {example: "deal-4711"},
	"RecordedOutcomes.recorded":       {doc: "How many are new", example: 97},
	"RecordedOutcomes.known":          {doc: "How many were recorded before", example: 1},
	"RecordedOutcomes.unknown_person": {doc: "How many are of people of whom nothing is known", example: 1},
	"RecordedOutcomes.refused":        {doc: "How many are wrong", example: 1},
	"OutcomeTotals.outcomes":          {example: 412},
	"OutcomeNumber.kind":              {doc: "How it came out"},
	"OutcomeNumber.outcomes":          {doc: "How many there are", example: 130},
	"outcome":                         {example: "deal-4711"},
	"backtest":                        {example: "bkt_20261102093000000_mzxw6ytb"},
	"NewImport":                       {doc: "A part of a list of contacts, activities and outcomes"},
	"ImportRow":                       {doc: "A row of a list: a contact, what somebody did, how it came out"},
	"ImportedRow":                     {doc: "What became of a row of a list"},
	"ImportedRows":                    {doc: "What became of a part of a list"},
	"NewImport.rows":                  {example: []any{map[string]any{"contact": map[string]any{"name": "Ana Lindqvist", "emails": []string{"ana@contoso.com"}, "company": "Contoso"}}}},
	"ImportedRow.row":                 {example: 3},
	"OutcomeAccount":                  {doc: "The account that an outcome is kept with"},
	"OutcomeAccount.account":          {example: "7781"},
	"Listed":                          {doc: "An account and what holds of it"},
	"Listed.attributes_left_out":      {example: true},
	"Contact":                         {doc: "Somebody: an account, and what is known of it"},
	"Contact.id":                      {example: "7781"},
	"Contact.emails":                  {example: []string{"ana@contoso.com", "ana@lindqvist.se"}},
	"Contact.phones":                  {example: []string{"+4670123456"}},
	"Contact.urls":                    {example: []string{"https://contoso.com/ana"}},
	"Contact.company":                 {doc: "Where the person works", example: "Contoso"},
	"Contact.location":                {doc: "Where the person is", example: "Malmö"},
	"Contact.title":                   {example: "Head of IT"},
	"Contact.attributes":              {example: map[string]any{"plan": "pro", "seats": 5}},
	"Line.precision":                  {example: "minute"},
	"ImportedRow.stored":              {example: 4},
	"ImportedRow.told":                {example: []string{"the e-mail \"n/a\" stands for nobody and is left out"}},
}

// anInstant is the example of every instant that has none of its own.
const anInstant = "2026-11-02T09:30:00Z"

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

// grades are fit and engagement.
func grades() []string {
	var out []string
	for _, fit := range []string{"A", "B", "C", "D", "?"} {
		for _, engagement := range []string{"1", "2", "3", "4"} {
			out = append(out, fit+engagement)
		}
	}
	return out
}

// exampleModel is a scoring model that could be published.
var exampleModel = map[string]any{"id": "default", "version": 1, "horizon_days": 365, "engagement": []string{"5", "20", "50"}, "rules": []any{
	map[string]any{"id": "asks-to-buy", "kind": "activity", "label": map[string]any{"one": "message about buying", "many": "messages about buying"},
		"when": map[string]any{"expr": "intent == 'purchase'"}, "points": "15", "decay": map[string]any{"half_life_days": 14}}}}

func platforms() []string {
	var out []string
	for _, a := range all.Adapters() {
		out = append(out, string(a.Platform()))
	}
	return out
}

// wordFor is what is said of a field.
func wordFor(schema, field string) word {
	w := words[field]
	own := words[schema+"."+field]
	if own.doc != "" {
		w.doc = own.doc
	}
	if own.example != nil {
		w.example = own.example
	}
	if own.enum != nil {
		w.enum = own.enum
	}
	if own.pattern != "" {
		w.pattern = own.pattern
	}
	return w
}

// describe adds to the description what tags can't say: the words, examples of
// whole bodies made of those of their fields, and what each status means.
func describe(doc *huma.OpenAPI) {
	schemas := doc.Components.Schemas.Map()
	for name, s := range schemas {
		if s.Description = words[name].doc; s.Description == "" && strings.HasPrefix(name, "Page") {
			s.Description = "One page of a list"
		} else if s.Description == "" && strings.HasPrefix(name, "List") {
			s.Description = "A whole list"
		}
		for field, p := range s.Properties {
			describeField(name, field, p)
		}
	}
	for _, path := range doc.Paths {
		for _, op := range []*huma.Operation{path.Get, path.Post, path.Put, path.Patch, path.Delete} {
			if op == nil {
				continue
			}
			if op.Description == "" {
				op.Description = words[op.OperationID].doc
			}
			for _, p := range op.Parameters {
				describeParam(p)
			}
			if op.RequestBody != nil {
				op.RequestBody.Description = "What is asked for"
				exemplify(schemas, op.RequestBody.Content)
			}
			for status, r := range op.Responses {
				describeAnswer(op.Method, status, r)
				exemplify(schemas, r.Content)
				if n, err := strconv.Atoi(status); err == nil && n >= 400 {
					op.Responses[status] = shared(doc, n, r)
				}
			}
		}
	}
}

// shared files an error's answer, which is the same for all operations, and
// returns what refers to it.
func shared(doc *huma.OpenAPI, status int, r *huma.Response) *huma.Response {
	name := strings.ReplaceAll(http.StatusText(status), " ", "")
	if doc.Components.Responses == nil {
		doc.Components.Responses = map[string]*huma.Response{}
	}
	for _, m := range r.Content {
		p := newProblem(status, problemExamples[status])
		if status == http.StatusUnprocessableEntity {
			p.Errors = []FieldError{{"query.from", "is not before to: give an earlier from, or leave it out"}}
		}
		m.Example = p
	}
	doc.Components.Responses[name] = r
	return &huma.Response{Ref: "#/components/responses/" + name}
}

// problemExamples are details as they are answered.
var problemExamples = map[int]string{
	http.StatusBadRequest:            "the body is no JSON",
	http.StatusUnauthorized:          "an access token is needed: Authorization: Bearer …",
	http.StatusNotFound:              "no such workspace",
	http.StatusConflict:              "the workspace id is taken",
	http.StatusRequestEntityTooLarge: "request body is too large limit=65536 bytes",
	http.StatusUnprocessableEntity:   "the request can't be carried out as it stands",
	http.StatusTooManyRequests:       "too many replays this hour: try again at 10:00",
	http.StatusServiceUnavailable:    "try again in a moment",
}

func describeField(schema, field string, p *huma.Schema) {
	w := wordFor(schema, field)
	if field == "items" && p.Description == "" {
		w.doc = "The items of this page, in the list's order"
	}
	if p.Description == "" {
		p.Description = w.doc
	}
	if p.Ref != "" || p.Type == "array" && p.Items.Ref != "" || p.Type == "boolean" {
		return // the example is made of those of the parts
	}
	if len(w.enum) > 0 && p.Type == "string" {
		p.Enum = p.Enum[:0]
		for _, v := range w.enum {
			p.Enum = append(p.Enum, v)
		}
	}
	if w.pattern != "" && p.Pattern == "" && p.Type == "string" {
		p.Pattern = w.pattern
	}
	if len(p.Examples) == 0 {
		switch {
		case w.example != nil:
			p.Examples = []any{w.example}
		case p.Format == "date-time":
			p.Examples = []any{anInstant}
		case len(p.Enum) > 0:
			p.Examples = []any{p.Enum[0]}
		}
	}
}

func describeParam(p *huma.Param) {
	w := words[p.Name]
	if p.Description == "" {
		p.Description = w.doc
	}
	if p.Example == nil && p.Schema != nil {
		switch {
		case len(p.Schema.Examples) > 0:
			p.Example = p.Schema.Examples[0]
		case w.example != nil:
			p.Example = w.example
		case p.Schema.Format == "date-time":
			p.Example = anInstant
		case len(p.Schema.Enum) > 0:
			p.Example = p.Schema.Enum[0]
		case p.Schema.Type == "boolean":
			p.Example = true
		}
	}
}

// answers say what each status means here, and what to do.
var answers = map[string]string{
	"200": "Done, or what was asked for",
	"201": "Created",
	"202": "Accepted: it will be done in a moment",
	"204": "Done; there is nothing to say",
	"304": "Not changed since the state whose ETag If-None-Match names",
	"400": "The request is no JSON, or not as its headers say: mend it",
	"401": "No access token, or one that does not hold: sign in again and send it as Authorization: Bearer …",
	"403": "You are a member, and your role is not enough for it: ask an owner",
	"404": "No such thing in this workspace, or no such workspace to you",
	"409": "It does not go with what is there: the detail says what to do",
	"412": "It was changed since the state that If-Match names: get it again, and decide again",
	"413": "The body is longer than 64 KiB: send less",
	"415": "The body is not application/json: say so in Content-Type",
	"422": "The request can't be carried out as it stands: errors says what is wrong where",
	"429": "Too many requests, or a limit is reached: the detail says which one and what to do; where waiting helps, Retry-After names the seconds",
	"500": "A fault of ours: it is in the log",
	"503": "Something we depend on did not answer: try again after the seconds that Retry-After names",
}

// answerHeaders are those that come with a status, beside those of the operation.
var answerHeaders = map[string]map[string]word{
	"304": {"ETag": words["ETag"]},
	"401": {"WWW-Authenticate": {doc: "How to authenticate (RFC 6750)", example: `Bearer error="invalid_token"`}},
	"429": {"Retry-After": {doc: "Seconds until it may pass", example: "60"}},
	"503": {"Retry-After": {doc: "Seconds until it may pass", example: "2"}},
}

func describeAnswer(method, status string, r *huma.Response) {
	if n, err := strconv.Atoi(status); err == nil && (r.Description == "" || r.Description == http.StatusText(n)) {
		r.Description = answers[status]
	}
	for name, h := range r.Headers {
		if h.Description == "" && h.Schema != nil {
			h.Description, h.Schema.Description = h.Schema.Description, ""
		}
		if h.Description == "" {
			h.Description = words[name].doc
		}
		if h.Example == nil {
			h.Example = words[name].example
		}
	}
	for name, w := range answerHeaders[status] {
		if r.Headers == nil {
			r.Headers = map[string]*huma.Param{}
		}
		r.Headers[name] = header(w)
	}
	if (method == http.MethodGet || method == http.MethodPut) && (status == "200" || status == "201") {
		if r.Headers == nil {
			r.Headers = map[string]*huma.Param{}
		}
		r.Headers["ETag"] = header(words["ETag"])
	}
}

func header(w word) *huma.Param {
	return &huma.Param{Description: w.doc, Example: w.example, Schema: &huma.Schema{Type: "string"}}
}

// exemplify gives each body an example.
func exemplify(schemas map[string]*huma.Schema, content map[string]*huma.MediaType) {
	for _, kind := range slices.Sorted(maps.Keys(content)) {
		if m := content[kind]; m.Schema != nil && m.Example == nil {
			m.Example = exampleOf(schemas, m.Schema)
		}
	}
}

// exampleOf composes the example of a schema from those of its parts.
func exampleOf(schemas map[string]*huma.Schema, s *huma.Schema) any {
	switch {
	case s.Ref != "":
		return exampleOf(schemas, schemas[s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]])
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Type == "array":
		return []any{exampleOf(schemas, s.Items)}
	case s.Type == "object":
		out := map[string]any{}
		for name, p := range s.Properties {
			if v := exampleOf(schemas, p); v != nil {
				out[name] = v
			}
		}
		return out
	case s.Type == "boolean":
		return true
	case len(s.Enum) > 0:
		return s.Enum[0]
	}
	return nil
}
