// Package plain takes off a text what its writer did not say there: markup,
// links, handles, what is quoted, signatures and the heads of forwarded mail.
package plain

import (
	"html"
	"strings"
	"unicode/utf8"

	"rapport/internal/pattern"
)

// Most bounds what is read of a text, in runes; the rest is ignored.
const Most = 20000

// Text returns what a text says: its first Most runes as valid UTF-8, without
// markup, quotes, signatures, links and @handles (a handle such as @united
// holds words that nobody said), # taken off hashtags, and runs of space as
// one. Where nothing but quotes is left, they are what it says.
func Text(text string) string {
	text = Bound(text)
	text = withoutMarkup(text)
	if own := withoutQuotes(text); strings.TrimSpace(own) != "" {
		text = own
	}
	var b strings.Builder
	b.Grow(len(text))
	for _, w := range strings.Fields(text) {
		if len(w) > 1 && w[0] == '#' && letterAt(w, 1) {
			w = w[1:]
		}
		if isHandle(w) || isLink(w) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w)
	}
	return b.String()
}

// Bound returns the first Most runes of text, invalid UTF-8 replaced.
func Bound(text string) string {
	if len(text) > Most {
		n := 0
		for i := range text {
			if n == Most {
				text = text[:i]
				break
			}
			n++
		}
	}
	if !utf8.ValidString(text) {
		text = strings.ToValidUTF8(text, " ")
	}
	return text
}

var (
	// quoted is what HTML says is somebody else's: a quotation, code, or what mail programs mark so.
	quoted = pattern.New(`(?is)<blockquote\b.*?</blockquote\s*>|<blockquote\b.*\z|<pre\b.*?</pre\s*>|<(?:script|style|head|title)\b.*?</(?:script|style|head|title)\s*>|<div[^>]*class="?(?:gmail_quote|gmail_signature|yahoo_quoted|moz-signature)\b.*\z`)
	// breaks are tags after which a line ends.
	breaks = pattern.New(`(?i)</?(?:p|br|div|li|ul|ol|tr|h[1-6]|blockquote|pre)\b[^<>]*>`)
	// tags are the tags of HTML that texts hold; what else stands in angle brackets, as <3, is text.
	tags = pattern.New(`(?is)</?(?:a|abbr|b|big|code|del|dd|dl|dt|em|font|hr|i|img|ins|kbd|mark|meta|q|s|small|span|strike|strong|sub|sup|table|tbody|td|th|thead|tt|u|video|body|html|section|article|figure|figcaption|o:p)\b[^<>]*>|<!--.*?-->|<!doctype[^<>]*>`)
)

// withoutMarkup takes off HTML, and resolves its entities.
func withoutMarkup(text string) string {
	if strings.IndexByte(text, '<') >= 0 {
		if own := quoted.ReplaceAllString(text, "\n"); strings.TrimSpace(tags.ReplaceAllString(breaks.ReplaceAllString(own, ""), "")) != "" {
			text = own
		}
		text = breaks.ReplaceAllString(text, "\n")
		text = tags.ReplaceAllString(text, " ")
	}
	if strings.IndexByte(text, '&') >= 0 {
		text = html.UnescapeString(text)
	}
	return text
}

var (
	// attribution is the line in which a mail program says whose words follow.
	attribution = pattern.New(`(?i)^\s*(?:(?:on|am|le|el|em|il|op)\s.{4,120}\s(?:wrote|schrieb|a écrit|escribió|escreveu|ha scritto|schreef)(?:\s.{0,80})?\s?:|.{0,100}\s(?:wrote|schrieb|a écrit|escribió|escreveu|ha scritto|schreef)\s?:)\s*$`)
	// divider is the line above what is forwarded or answered.
	divider = pattern.New(`(?i)^\s*[-_]{2,}\s*(?:original message|ursprüngliche nachricht|forwarded message|weitergeleitete nachricht|message d'origine|message transféré|mensaje original|mensaje reenviado|mensagem original|mensagem encaminhada|messaggio originale|messaggio inoltrato|oorspronkelijk bericht|doorgestuurd bericht)\s*[-_]{2,}\s*$`)
	// head is a line of the head of a mail that is forwarded.
	head = pattern.New(`(?i)^\s*\*?(?:from|von|de|da|van|to|an|à|para|a|aan|sent|gesendet|envoyé|enviado|inviato|verzonden|date|datum|fecha|data|subject|betreff|objet|asunto|assunto|oggetto|onderwerp|cc)\*?\s*:\*?\s+\S`)
	// signed is the line above a signature, or one that a telephone adds.
	signed = pattern.New(`(?i)^(?:-- ?|\s*(?:sent from my|von meinem .{2,30} gesendet|gesendet mit|envoyé de mon|enviado desde mi|enviado do meu|inviato da|verzonden vanaf)(?:\s.{0,60})?)$`)
)

// withoutQuotes takes off the lines that quote, and a mail's signature and what follows it.
func withoutQuotes(text string) string {
	if strings.IndexByte(text, '\n') < 0 {
		return text
	}
	lines := strings.Split(text, "\n")
	var own []string
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		if divider.MatchString(line) || signed.MatchString(line) {
			break
		}
		if head.MatchString(line) && heads(lines[i:]) >= 3 {
			break
		}
		if strings.HasPrefix(strings.TrimLeft(line, " \t"), ">") {
			continue
		}
		if attribution.MatchString(line) && i+1 < len(lines) {
			continue
		}
		own = append(own, line)
	}
	return strings.Join(own, "\n")
}

// heads counts the lines of a mail's head that a list of lines begins with.
func heads(lines []string) int {
	for i, line := range lines {
		if !head.MatchString(line) {
			return i
		}
	}
	return len(lines)
}

func isHandle(w string) bool {
	w = strings.TrimLeft(w, `.("'`)
	return len(w) > 1 && w[0] == '@' && (letterAt(w, 1) || w[1] == '_')
}

func isLink(w string) bool {
	w = strings.TrimLeft(w, `("'<`)
	if len(w) > 8 {
		w = w[:8]
	}
	w = strings.ToLower(w)
	return strings.HasPrefix(w, "http://") || strings.HasPrefix(w, "https://") || strings.HasPrefix(w, "www.")
}

// letterAt reports whether the byte of w at i begins a letter or digit (any
// byte beyond ASCII counts).
func letterAt(w string, i int) bool {
	c := w[i]
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c >= utf8.RuneSelf
}
