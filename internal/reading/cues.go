package reading

import "strings"

// cues are phrases that point to an intent, one group per intent but other,
// in the order of Intents, and further groups for social style. Each is
// matched in the lower-case words of a text, apostrophes dropped, with a space
// on either side; a "+" at the end lets the last word go on.
var cues = func() [][]string {
	var out [][]string
	for _, list := range []string{
		// problem
		`not working|doesnt work|dont work|didnt work|wont work|isnt working|arent working|stopped working|not work|cant log|cant login|cannot log|crash+|freez+|frozen|broken|bug|bugs|buggy|glitch+|error|errors|keeps saying|keeps asking|keeps closing|keep getting|keeps telling|wont load|wont open|wont let|doesnt let|doesnt load|doesnt open|not loading|unable to|failed|fails|fail|cant access|cant connect|cant even|cant open|cant get|cannot get|cannot connect|is down|are down|outage|no signal|no internet|no service|still waiting|still no|never arrived|not received|havent received|didnt receive|didnt arrive|hasnt arrived|charged twice|charged me|overcharged|double charged|wrong item|damaged|missing|lost my|delayed|delay|late again|cancelled my flight|declined|blocked|locked out|since the update|since last update|after the update|after updating|since updating|issue with|issues with|problem with|problems with|an issue|a problem|useless|rude|terrible service|slow|laggy|lags|drains|disappear+|stuck|fix this|fix it|please fix|needs fixing|fix the|wont play|doesnt show|doesnt sync|not sync+|no longer work+|kicks me|force close+|blank screen|black screen|white screen|waste of+`,
		// wish
		`please add|pls add|add a|add an|add the|add more|adding a|would be nice|would be great|would be cool|would be better|would be good|would be awesome|would be helpful|be nice if|be great if|be cool if|be better if|be good if|wish|i wish|wishing|wish you|wish there|wish it|feature request|could you add|can you add|can we have|can we get|can we please|could we have|should be able|should have|should be an|should be a|should let|should allow|need an option|need a way|needs a|needs an|needs to have|needs more|option to|an option for|ability to|let us|let me choose|allow us|allow users|bring back|bring it back|hope you|hopefully|hope they|i hope|would love|would like|id love|id like|love to see|like to see|want to see|want to be able|if only|how about|suggestion|suggest|what about adding|please make|please consider|make it possible|make it so|support for|any plans|on the roadmap|only thing missing|just needs|could use|if you could|if you add|if there was|if there were|if it had|it lacks|lacks a|lack of`,
		// question
		`how do i|how do you|how can i|how can|how to|how does|how long|how much|how many|where can|where is|where do|wheres|when will|when is|when does|when are|what is|what are|what does|what time|whats the|which|who do|who can|why is|why does|why do|why are|why cant|why am|is there|are there|is it|can i|can you tell|can someone|can anyone|could someone|could you tell|do i|do you|does it|does this|does the|does anyone|did you|will you|will it|will there|anyone know|any idea|any chance|is this|are you|am i|should i|would i|please tell|let me know|please advise|wondering|question|i have a question|help me|need help|not sure how|dont know how|cant find|cant figure|tell me`,
		// praise
		`thank you|thanks|thx|ty|love it|love this|love the|i love|love you|loving|great service|great app|great job|good job|well done|nice work|awesome|amazing|excellent|fantastic|brilliant|perfect|perfectly|works great|works well|works perfectly|best app|best service|so happy|very happy|really happy|impressed|kudos|shout out to|shoutout to|props to|hats off|made my day|so helpful|very helpful|super helpful|so easy|easy to use|five stars|0 stars|so good|so far so good|delighted|superb|lifesaver|life saver|game changer|great experience|great customer|works like a charm|appreciate|wonderful|outstanding|great|good app|very good|very useful|useful|nice app|cool app|fun|addictive|enjoy+`,
		// purchase
		`want to buy|going to buy|gonna buy|ready to buy|ready to sign|looking to buy|looking to switch to|thinking of buying|thinking about buying|about to buy|about to order|want to order|like to order|how much does|how much is|how much for|how much would|price for|price of|pricing|prices|quote for|a quote|get a demo|a demo|book a demo|free trial|trial|in stock|back in stock|discount|promo code|coupon|where can i buy|where do i buy|can i buy|can i order|take my money|shut up and|sign up for|sign us up|sign me up|upgrade to|upgrade my plan|upgrading|enterprise plan|annual plan|seats|licences|licenses|buying|purchase|shopping for|in the market|looking for a new|looking for an|looking for a|talk to sales|contact sales|sales team|preorder|pre order|switching to you|switch to you|open an account|do you sell|do you ship|ship to|available in|cost of|budget|evaluating|comparing|compare`,
		// churn
		`cancel my|cancelling|canceling|cancelled my|canceled my|cancel it|to cancel|going to cancel|cancel our|switching to|switch to|switching from|switched to|switched from|moving to|moving our|moving away|move to|leaving|leave you|im leaving|im out|im done|done with|so done|last time|last straw|never again|never buy|never use|never fly+|never order+|never shop+|never come back|not coming back|wont be back|wont be using|wont be renewing|not renewing|not renew|unsubscrib+|uninstall+|deleting|deleted the app|delete my account|deleting my account|deleted my account|delete it|close my account|closing my account|closed my account|lost a customer|lost me|losing a customer|lose a customer|losing customers|take my business|taking my business|taking our business|business elsewhere|go elsewhere|going elsewhere|looking for alternatives|looking at alternatives|alternative to|find another|found another|going back to|go back to|goodbye|refund me and|end my contract|ending my contract|when my contract|contract is up|contract ends|end of my contract|porting my number|competitor|competitors|stop using|stopped using|removing the app|removed the app|enough is enough`,
		// recommendation
		`recommend|recommended|recommending|recommendation|recommendations|highly recommend|would recommend|can recommend|definitely recommend|cant recommend|recommend to|recommend it|anyone recommend|any recommendations|suggestions for|any suggestions|you should try|you should get|you should use|you should check|should try|must try|must have|must download|give it a try|give them a try|try this|try it|try them|check out|check them out|check it out|go with|go for|go try|everyone should|tell your friends|telling everyone|told my friends|told all my|tell everyone|do yourself a favor|do yourself a favour|worth it|worth every|worth a try|worth checking|if you need|if youre looking|if you are looking|if you want a|look no further|get this app|download this|download it|best one out there|what do you use|what are you using|whats the best|who is the best|anyone use|anyone used|anyone using|anybody use|looking for recommendations|referred|refer a friend|refer my`,
		// spam
		`follow me|follow back|follow for follow|follow us|check my|check out my|my profile|my channel|my page|my bio|in bio|link in|click here|click the link|click below|dm me|dm us|dm for|inbox me|whatsapp|telegram|earn|earning|make money|making money|passive income|work from home|per day|per week|a day from|crypto|bitcoin|btc|forex|trading signals|investment|invest with|investor|giveaway|win a|you have won|you won|winner|congratulations you|claim your|claim now|free gift|gift card|free followers|followers fast|buy followers|likes and followers|cheap|best prices|limited offer|limited time|act now|order now|hurry|visit our|visit my|visit us|our website|subscribe to my|onlyfans|hot singles|loan|loans|guaranteed|0 profit|profit|profits|recovery expert|recover your|hacker|seo services|promote your|promote it on|collab|sugar|viagra|casino|bet now|betting|airdrop|nft|presale`,
		// asks someone by name of action
		`please|pls|plz|kindly|could you|can you|would you`,
		// speaks of oneself as a customer
		`my account|my order|my phone|my flight|my card|my bill|my package|my money|my subscription|my bag|my parcel|my bank|my internet|our account|our team|our plan|my plan|my contract|my data`,
	} {
		var group []string
		for _, c := range strings.Split(list, "|") {
			if rest, ok := strings.CutSuffix(c, "+"); ok {
				group = append(group, " "+rest)
			} else {
				group = append(group, " "+c+" ")
			}
		}
		out = append(out, group)
	}
	return out
}()
