package social

import "strings"

// valences says of reactions what they mean, by the names and signs that
// platforms have for them: Meta's, LinkedIn's and GitHub's kinds, Slack's and
// Discourse's short names (https://github.com/github/gemoji), Telegram's and
// Discord's emoji, votes, likes and stars.
//
// Only what most people mean by a sign counts, whatever it stands under: of 751
// emoji in 1.6 million labelled tweets few are mainly negative, and laughing,
// surprised and looking ones go with either
// (Kralj Novak and others, Sentiment of Emojis, 2015, doi:10.1371/journal.pone.0144296).
// What is in no list means nothing by itself, a server's own emoji among it.
var valences = func() map[string]int {
	m := map[string]int{}
	for v, names := range map[int]string{
		+1: `like love care thankful pride praise empathy appreciation interest celebrate support insightful favourite favorite star upvote up up_vote vote paid
			+1 thumbsup thumbs_up heart hearts heart_eyes smiling_face_with_three_hearts smile smiley grin grinning blush slightly_smiling_face hugging hugging_face kissing_heart
			clap raised_hands pray tada confetti_ball partying_face hooray rocket fire 100 ok_hand muscle star2 star-struck trophy white_check_mark heavy_check_mark
			ballot_box_with_check handshake gift_heart sparkling_heart two_hearts blue_heart green_heart yellow_heart orange_heart purple_heart black_heart white_heart heartbeat
			👍 ❤ ♥ 🩷 🧡 💛 💚 💙 💜 🖤 🤍 🤎 💖 💕 💗 💓 💞 💝 ❤‍🔥 😍 🥰 😘 🤩 😀 😃 😄 😁 😊 🙂 🤗 🥳 👏 🙌 🙏 🎉 🎊 🚀 🔥 💯 👌 💪 🏆 🌟 ⭐ ✅ ✔ ☑ 🤝 🫶 😇 😎 🆒`,
		-1: `angry anger sad sorry dislike hate downvote down down_vote
			-1 thumbsdown thumbs_down rage pout face_with_symbols_on_mouth cursing_face disappointed pensive worried frowning slightly_frowning_face white_frowning_face
			cry sob broken_heart unamused face_with_rolling_eyes roll_eyes tired_face weary persevere confounded triumph confused
			nauseated_face face_vomiting vomiting_face hankey poop shit middle_finger fu no_entry no_good clown_face
			👎 😠 😡 🤬 😞 😔 😟 🙁 ☹ 😢 😭 💔 😒 🙄 😫 😩 😣 😖 😤 😕 🤢 🤮 💩 🖕 🙅 😾 🤡`,
	} {
		for _, n := range strings.Fields(names) {
			m[n] = v
		}
	}
	return m
}()

// Valence is what a reaction says of what it is to: 1 good, -1 bad, 0 neither,
// or that it is not known. Colons around a name, skin tones and the choice
// between an emoji's forms make no difference.
func Valence(reaction string) int {
	if v, ok := valences[reaction]; ok {
		return v
	}
	name := strings.ToLower(strings.TrimSpace(reaction))
	name, _, _ = strings.Cut(name, "::skin-tone-")
	name = strings.Map(func(r rune) rune {
		if r == '\ufe0f' || r >= '\U0001f3fb' && r <= '\U0001f3ff' {
			return -1
		}
		return r
	}, strings.Trim(name, ":"))
	return valences[name]
}
