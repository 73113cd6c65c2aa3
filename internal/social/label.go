package social

// ReaderVersion names the reader (package reading) as it comes: the revision of
// its code, raised by hand when a reading changes, and the first digits of a
// hash over its models. It stands here so that who compares it need not link them.
const ReaderVersion = "r5-085ce6ec86"

// What the reader (package reading) says of a text's sentiment. It stands here
// so that who compares an activity's need not link the reader's models.
const (
	SentimentNegative = "negative"
	SentimentNeutral  = "neutral"
	SentimentPositive = "positive"
	SentimentUnread   = "unread" // the text is in a language that is not read
)

// What the reader says of a text's intent.
const (
	IntentProblem        = "problem"        // something does not work or went wrong
	IntentComplaint      = "complaint"      // is discontent with how it was treated, with waiting, price or rules
	IntentWish           = "wish"           // asks for something that is not there
	IntentQuestion       = "question"       // wants to know something
	IntentPraise         = "praise"         // is content, says thanks
	IntentPurchase       = "purchase"       // is about to buy or asks for an offer
	IntentChurn          = "churn"          // leaves or threatens to
	IntentRecommendation = "recommendation" // tells others to use it, or asks them what to use
	IntentSpam           = "spam"           // advertises, baits or begs for followers
	IntentClosing        = "closing"        // ends a conversation: thanks, done, solved
	IntentChatter        = "chatter"        // says something that asks for nothing
	IntentUnread         = "unread"         // the text is in a language that is not read
)

// Sentiments and Intents list what the reader tells apart, but for unread.
var (
	Sentiments = []string{SentimentNegative, SentimentNeutral, SentimentPositive}
	Intents    = []string{IntentProblem, IntentComplaint, IntentWish, IntentQuestion, IntentPraise, IntentRecommendation, IntentPurchase, IntentChurn, IntentClosing, IntentChatter, IntentSpam}
)

// Reading is what the reader (package reading) says of a text, and a rating of what it is given with.
type Reading struct {
	Reader    string  // the version of the reader; after a +, the id of the adjustments to a workspace's corrections
	Language  string  // as package langid names it; und: none is to be seen
	Sentiment string  // one of the sentiments above
	Words     string  // that of the words alone, where a rating decides otherwise
	Negative  float64 // the probability that it is negative, 0 to 1
	Intent    string  // one of the intents above
	Severity  int     // of a problem or complaint: 0 none, 1 slight, 2 serious, 3 work stands still or somebody is harmed
	// The probabilities that it needs an answer, 0 to 1: as the first message of
	// somebody, and as one that follows what the business said.
	NeedsAnswer      float64
	NeedsAnswerAfter float64
}
