package slack_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"rapport/internal/platform"
	"rapport/internal/platform/slack"
)

// says is the text of a message with these fields beside those that each has.
func says(t *testing.T, fields string) string {
	t.Helper()
	body := fmt.Sprintf(`{"team_id":"T0ACME001","type":"event_callback","event_id":"Ev1","event_time":1787000010,"event":{"type":"message","user":"U0ANNA001","bot_id":"B0FORMS01","channel":"C0SUPPORT","ts":"1787000010.000300",%s}}`, fields)
	events, err := slack.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
	if err != nil || len(events) != 1 || events[0].Activity == nil {
		t.Fatalf("%s: %+v, %v", fields, events, err)
	}
	return events[0].Activity.Text
}

func TestAMessageSaysWhatItsBlocksAttachmentsAndFilesSay(t *testing.T) {
	const section = `{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[%s]}]}`
	rich := func(elements string) string { return `"blocks":[` + fmt.Sprintf(section, elements) + `]` }
	for _, c := range []struct{ name, fields, want string }{
		{"a section", rich(`{"type":"text","text":"Where is my parcel, "},{"type":"user","user_id":"U0BEN0002"},{"type":"text","text":"?"}`), "Where is my parcel, @U0BEN0002?"},
		{"all elements", rich(`{"type":"channel","channel_id":"C0HELP001"},{"type":"text","text":" "},{"type":"usergroup","usergroup_id":"S0TEAM001"},{"type":"text","text":" "},{"type":"broadcast","range":"here"},{"type":"text","text":" "},{"type":"link","url":"https://shop.example/a"},{"type":"text","text":" "},{"type":"link","url":"https://shop.example/b","text":"the form"},{"type":"text","text":" "},{"type":"emoji","name":"sob","unicode":"1f62d"},{"type":"text","text":" "},{"type":"date","timestamp":1787000010,"format":"{date}","fallback":"18 August"}`),
			"#C0HELP001 @S0TEAM001 @here https://shop.example/a the form :sob: 18 August"},
		{"lists, quotations and code", `"text":"","blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"Two things:\n"}]},{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"the price"}]},{"type":"rich_text_section","elements":[{"type":"text","text":"the colour"}]}]},{"type":"rich_text_quote","elements":[{"type":"text","text":"we deliver\nin May"}]},{"type":"rich_text_preformatted","elements":[{"type":"text","text":"error 7"}]}]}]`,
			"Two things:\nthe price\nthe colour\n> we deliver\n> in May\nerror 7"},
		{"other blocks", `"text":"","blocks":[{"type":"header","text":{"type":"plain_text","text":"Returns"}},{"type":"divider"},{"type":"section","fields":[{"type":"mrkdwn","text":"Order &lt;7&gt;"},{"type":"mrkdwn","text":"<https://shop.example/7|open it>"}]},{"type":"context","elements":[{"type":"image","image_url":"https://shop.example/i.png","alt_text":"a face"},{"type":"mrkdwn","text":"from the shop"}]},{"type":"markdown","text":"**No refund** yet"},{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Approve"}}]},{"type":"table","rows":[[{"type":"raw_text","text":"size"},{"type":"raw_text","text":"XL"}]]}]`,
			"Returns\nOrder <7>\nopen it\nfrom the shop\nNo refund yet\nsize XL"},
		{"a person's text is its blocks", `"text":"Is <@U0BEN0002> there? &amp; <#C0HELP001|help> :sob:",` + rich(`{"type":"text","text":"Is "},{"type":"user","user_id":"U0BEN0002"},{"type":"text","text":" there? & "},{"type":"channel","channel_id":"C0HELP001"},{"type":"text","text":" "},{"type":"emoji","name":"sob"}`),
			"Is @U0BEN0002 there? & #help :sob:"},
		{"the text is a part of the blocks", `"text":"Order 12",` + rich(`{"type":"text","text":"Order 12 came broken"}`), "Order 12 came broken"},
		{"the text is a summary", `"text":"A new answer from Kim",` + rich(`{"type":"text","text":"Too slow for us"}`), "A new answer from Kim\nToo slow for us"},
		{"a short piece within the text's words", `"text":"Can you note that it is not urgent",` + rich(`{"type":"text","text":"not"}`) + `,"attachments":[{"text":"note"}]`, "Can you note that it is not urgent"},
		{"Slack's own words in the place of the text", `"text":"This content can't be displayed.",` + rich(`{"type":"text","text":"Please call me"}`), "Please call me"},
		{"fields of an attachment before its fallback", `"text":"New entry","attachments":[{"fallback":"Name: Lou\nAnswer: never again","fields":[{"title":"Answer","value":"never again"},{"title":"Would you come back?","value":"no"}]}]`, "New entry\nAnswer: never again\nWould you come back? no"},
		{"an attachment's fallback alone", `"text":"New entry","attachments":[{"fallback":"Lou: never again"}]`, "New entry\nLou: never again"},
		{"no preview of an attachment", `"text":"New entry","attachments":[{"fallback":"[no preview available]"}]`, "New entry"},
		{"pretext, title and text", `"text":"","attachments":[{"pretext":"Review of 2 May","title":"<https://shop.example/r/1|Not again>","text":"It broke *twice*","fallback":"Review"}]`, "Review of 2 May\nNot again\nIt broke twice"},
		{"marks of emphasis", `"text":"","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"*Never* _ever_ ~soon~, 2 * 3 * 4, a_b_c, https://shop.example/a_b_"}}]`, "Never ever soon, 2 * 3 * 4, a_b_c, https://shop.example/a_b_"},
		{"blocks of an attachment", `"text":"","attachments":[{"color":"#f00","fallback":"[no preview available]","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"The lift is stuck"}}]}]`, "The lift is stuck"},
		{"a forwarded message", `"text":"Can you look at this?","attachments":[{"is_share":true,"is_msg_unfurl":true,"from_url":"https://acme.slack.com/archives/C1/p1","author_name":"Lou","text":"My key does not turn","fallback":"[May 2nd] lou: My key does not turn","message_blocks":[{"team":"T1","message":{"blocks":[{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"My key does not turn"}]}]}]}}]}]`,
			"Can you look at this?\nMy key does not turn"},
		{"a forwarded message of blocks alone", `"text":"","attachments":[{"is_share":true,"from_url":"https://acme.slack.com/archives/C1/p1","fallback":"[no preview available]","message_blocks":[{"message":{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"Down since noon"}}]}}]}]`, "Down since noon"},
		{"the preview of a link", `"text":"see <https://news.example/a>","attachments":[{"from_url":"https://news.example/a","original_url":"https://news.example/a","title":"Shop fined","text":"The shop was fined","fallback":"News"}]`, "see https://news.example/a"},
		{"a file with a title", `"text":"","files":[{"id":"F1","name":"IMG_1.png","title":"The crack in the lid"},{"id":"F2","name":"b.pdf","title":"b.pdf"},{"id":"F3","name":"scan.pdf","title":"scan"}]`, "The crack in the lid"},
		{"malformed pieces", `"text":"Hello","blocks":{"a":1},"attachments":[7,"x",{"text":[1]}],"files":[{"title":{}}]`, "Hello"},
		{"malformed elements", `"text":"","blocks":[7,{"type":"section","text":7},{"type":"rich_text","elements":[3,{"type":"rich_text_section","elements":[{"type":"text","text":"left"}, 5]}]}]`, "left"},
	} {
		if got := says(t, c.fields); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAMessageOfAnUnknownSubtypeIsAMessage(t *testing.T) {
	if got := says(t, `"subtype":"voice_letter","text":"Is anybody there?"`); got != "Is anybody there?" {
		t.Errorf("it says %q", got)
	}
	if got := says(t, `"subtype":"voice_letter"`); got != "" {
		t.Errorf("one without words says %q", got)
	}
}

// changed is what becomes of a message_changed with these two texts' fields.
func changed(t *testing.T, was, is string) platform.Event {
	t.Helper()
	body := fmt.Sprintf(`{"team_id":"T0ACME001","type":"event_callback","event_time":1787000010,"event":{"type":"message","subtype":"message_changed","channel":"C0SUPPORT","ts":"1787000011.000300",
		"message":{"user":"U0ANNA001","bot_id":"B0FORMS01","ts":"1787000010.000300",%s},"previous_message":{"user":"U0ANNA001","bot_id":"B0FORMS01","ts":"1787000010.000300",%s}}}`, is, was)
	events, err := slack.Adapter{}.Normalise(platform.Request{Method: http.MethodPost, Header: http.Header{}, Body: []byte(body)}, platform.Options{})
	if err != nil || len(events) != 1 {
		t.Fatalf("%+v, %v", events, err)
	}
	return events[0]
}

func TestAChangeOfTheBlocksIsAnEditAndAPreviewIsNone(t *testing.T) {
	section := func(s string) string {
		return `"text":"New entry","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"` + s + `"}}]`
	}
	if e := changed(t, section("open"), section("cancelled by Lou")); e.Activity == nil || !strings.Contains(e.Activity.Text, "cancelled by Lou") {
		t.Errorf("other blocks: %+v", e)
	}
	const text = `"text":"see https://news.example/a"`
	if e := changed(t, text, text+`,"attachments":[{"from_url":"https://news.example/a","text":"The shop was fined"}]`); e.Ignored == "" {
		t.Errorf("a preview: %+v", e)
	}
}
