package social

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
	IntentWish           = "wish"           // asks for something that is not there
	IntentQuestion       = "question"       // wants to know something
	IntentPraise         = "praise"         // is content, says thanks
	IntentPurchase       = "purchase"       // is about to buy or asks for an offer
	IntentChurn          = "churn"          // leaves or threatens to
	IntentRecommendation = "recommendation" // tells others to use it, or asks them what to use
	IntentSpam           = "spam"           // advertises, baits or begs for followers
	IntentOther          = "other"          // none of these
	IntentUnread         = "unread"         // the text is in a language that is not read
)
