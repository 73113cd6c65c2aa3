package platform_test

import (
	"os"
	"strings"
	"testing"

	"rapport/internal/platform"
)

func TestIdsThatNameNobody(t *testing.T) {
	for _, id := range []string{"", " ", "\t\n", "\u00a0", "\u200b", "\ufeff", "\u200d\u200c", "null", "NULL", " Null ", "\u200bnull", `"null"`, "<null>", "undefined", "None", "(none)", "nil", "<nil>", "NaN", "N/A", "n/a",
		"#N/A", "n.a.", "NA", "0", "00", "0.0", "-0", "-1", "-", "--", "?", "_", "...", "anonymous", "Anonymous", "anon", "unknown", "UNKNOWN", "guest", "[object Object]", "[object  object]", "test", "Test", "false",
		"[deleted]", "not set", "(not set)", "{{user.id}}", "${user_id}", "{user_id}", "%user_id%", "<%= id %>", "*|ID|*", "{}", "[]", "00000000-0000-0000-0000-000000000000"} {
		if !platform.NamesNobody(id) {
			t.Errorf("%q names somebody", id)
		}
	}
	for _, id := range []string{"1", "-2", "10", "007", "0x0", "0a", "null1", "nullius", "nonesuch", "nils", "nan_li", "nana", "guest42", "guestbook", "test1", "tester", "anonymous7", "unknownpleasures", "me", "😀", "王", "ß",
		"ada", " ada ", "a-b", "3f0e0000-0000-0000-0000-000000000000", "user {7}", "100%", "true-north"} {
		if platform.NamesNobody(id) {
			t.Errorf("%q names nobody", id)
		}
	}
}

// What the page for operators lists is what is read so.
func TestThePageListsTheIdsThatNameNobody(t *testing.T) {
	page, err := os.ReadFile("../../docs/platforms/standard.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "## Ids that name nobody\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	_, list, _ := strings.Cut(rest, "read so:")
	list, _, _ = strings.Cut(list, "\n\n")
	n := 0
	for i, id := range strings.Split(list, "`") {
		if i%2 == 0 {
			continue
		}
		if n++; !platform.NamesNobody(id) {
			t.Errorf("the page lists %q, which names somebody", id)
		}
	}
	if !ok || n < 20 {
		t.Errorf("the page lists %d", n)
	}
}
