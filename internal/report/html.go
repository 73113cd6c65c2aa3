package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

//go:embed report.html.tmpl
var page string

// styles are the inline styles of the mail, by class. Mail clients drop style
// sheets more often than not, so the look is inline; the sheet in the
// template adds what only a sheet can: dark mode, two columns on wide screens, print.
var styles = map[string]string{
	"page":  "margin:0;padding:0;background:#f1f3f7;color:#1b2330;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:14px;line-height:1.45;-webkit-text-size-adjust:100%",
	"full":  "width:100%;border-collapse:collapse",
	"card":  "width:100%;max-width:640px;margin:0 auto;background:#ffffff;border-collapse:collapse;table-layout:fixed",
	"pad":   "padding:4px 20px;overflow-wrap:anywhere;word-break:break-word",
	"half":  "display:block;padding:4px 20px;overflow-wrap:anywhere;word-break:break-word",
	"left":  "text-align:left", // the sheet brings the two halves together
	"right": "text-align:left",
	"band":  "padding:16px 20px;background:#312e81;color:#ffffff;overflow-wrap:anywhere;word-break:break-word",
	"over":  "margin:0;font-size:13px;color:#d7d6f7",
	"head":  "margin:8px 0 0;font-size:18px;line-height:1.35;font-weight:700;color:#ffffff",
	"line":  "display:block;margin:0 0 2px",
	"h2":    "margin:8px 0 6px;padding:0 0 4px;border-bottom:1px solid #e1e5ec;font-size:17px;line-height:1.3;font-weight:700",
	"h3":    "margin:0;font-size:15px;line-height:1.35;font-weight:600",
	"p":     "margin:1px 0 0",
	"muted": "color:#566072;font-size:13px",
	"item":  "padding:4px 0 8px;vertical-align:top",
	"grade": "padding:5px 0 8px;width:40px;vertical-align:top",
	"sign":  "padding:4px 0 8px;width:22px;vertical-align:top;font-size:15px;line-height:1.35;font-weight:700;color:#4f46e5",
	"chip":  "display:inline-block;padding:1px 6px;background:#e5e4fb;color:#312e81;border-radius:6px;font-size:13px;font-weight:700",
	"quote": "margin:3px 0 0;padding:1px 0 1px 10px;border-left:3px solid #c3c8f0;font-size:13px",
	"ul":    "margin:2px 0 0;padding:0 0 0 16px;font-size:13px",
	"link":  "color:#4338ca",
	"th":    "padding:0 6px 4px 0;text-align:left;vertical-align:bottom;font-size:13px;font-weight:600;color:#566072",
	"td":    "padding:5px 6px 5px 0;text-align:left;vertical-align:top;border-top:1px solid #e1e5ec",
	"num":   "text-align:right;white-space:nowrap;word-break:normal;overflow-wrap:normal",
	"grid":  "width:100%;border-collapse:collapse;table-layout:fixed",
	"more":  "margin:0 0 6px",
	"sum":   "padding:3px 0;font-weight:600;cursor:pointer",
	"foot":  "padding:6px 20px 18px;font-size:12px;line-height:1.45;color:#566072;overflow-wrap:anywhere;word-break:break-word",
}

// HTML returns d as one page for mail and browser: tables, inline styles, no
// script and nothing loaded from elsewhere. It is well-formed XML too. Texts
// are escaped, stripped of what turns the writing direction and broken where
// a word has no end; only http and https addresses become links.
func HTML(d Data) ([]byte, error) {
	d, err := settle(d)
	if err != nil {
		return nil, err
	}
	v, err := newView(d)
	if err != nil {
		return nil, fmt.Errorf("report %q: %w", d.ReportID, err)
	}
	t, err := template.New("report").Funcs(template.FuncMap{
		"is":     attributes,
		"pieces": pieces,
	}).Parse(page)
	if err != nil {
		return nil, fmt.Errorf("parse the report's template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, v); err != nil {
		return nil, fmt.Errorf("write report %q as HTML: %w", d.ReportID, err)
	}
	return b.Bytes(), nil
}

// attributes returns the class and style attributes for some of styles.
func attributes(names ...string) (template.HTMLAttr, error) {
	var css []string
	for _, n := range names {
		s, ok := styles[n]
		if !ok {
			return "", fmt.Errorf("no style %q", n)
		}
		css = append(css, s)
	}
	return template.HTMLAttr(fmt.Sprintf(`class=%q style="%s"`, strings.Join(names, " "), strings.Join(css, ";"))), nil //nolint:gosec // constants of this file
}
