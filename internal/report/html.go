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
// template adds what only a sheet can: dark mode, wide screens, print.
var styles = map[string]string{
	"page":   "margin:0;padding:0;background:#f1f3f7;color:#1b2330;font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;font-size:15px;line-height:1.5;-webkit-text-size-adjust:100%",
	"full":   "width:100%;border-collapse:collapse",
	"card":   "width:100%;max-width:640px;margin:0 auto;background:#ffffff;border-collapse:collapse;table-layout:fixed",
	"pad":    "padding:8px 20px 4px;overflow-wrap:anywhere;word-break:break-word",
	"band":   "padding:18px 20px;background:#312e81;color:#ffffff;overflow-wrap:anywhere;word-break:break-word",
	"over":   "margin:0;font-size:13px;color:#d7d6f7",
	"head":   "margin:6px 0 0;font-size:21px;line-height:1.3;font-weight:700;color:#ffffff",
	"h2":     "margin:0 0 10px;padding:14px 0 0;border-top:1px solid #e1e5ec;font-size:18px;line-height:1.3;font-weight:700",
	"h3":     "margin:0;font-size:16px;line-height:1.35;font-weight:600",
	"p":      "margin:2px 0 0",
	"muted":  "color:#566072;font-size:13px",
	"tile":   "padding:12px 4px;text-align:center;vertical-align:top;width:25%",
	"big":    "display:block;font-size:22px;line-height:1.2;font-weight:700",
	"item":   "padding:0 0 18px;vertical-align:top",
	"rank":   "padding:0 0 18px;width:32px;vertical-align:top;font-size:16px;line-height:1.35;font-weight:700;color:#4f46e5",
	"grade":  "padding:2px 0 18px;width:44px;vertical-align:top",
	"chip":   "display:inline-block;padding:2px 7px;background:#e5e4fb;color:#312e81;border-radius:6px;font-size:14px;font-weight:700",
	"track":  "margin:6px 0;width:100%;border-collapse:collapse;table-layout:fixed;background:#e9ecf2",
	"bar":    "height:8px;padding:0;background:#4f46e5;font-size:0;line-height:0",
	"slim":   "height:4px;padding:0;font-size:0;line-height:0",
	"none":   "padding:0;font-size:0;line-height:0",
	"neg":    "background:#d92d20",
	"neu":    "background:#b4bccb",
	"pos":    "background:#17915a",
	"quote":  "margin:8px 0 0;padding:8px 12px;background:#f5f6fa;border-left:3px solid #c3c8f0;font-size:14px",
	"ul":     "margin:6px 0 0;padding:0 0 0 18px;font-size:14px",
	"link":   "color:#4338ca",
	"button": "display:inline-block;margin:8px 0 0;padding:9px 14px;background:#4338ca;color:#ffffff;border-radius:6px;font-size:14px;font-weight:600;text-decoration:none",
	"th":     "padding:0 6px 6px 0;text-align:left;vertical-align:bottom;font-size:13px;font-weight:600;color:#566072",
	"td":     "padding:8px 6px 8px 0;text-align:left;vertical-align:top;border-top:1px solid #e1e5ec",
	"num":    "text-align:right;white-space:nowrap;word-break:normal;overflow-wrap:normal",
	"grid":   "width:100%;border-collapse:collapse;table-layout:fixed",
	"foot":   "padding:16px 20px 24px;font-size:12px;line-height:1.5;color:#566072;overflow-wrap:anywhere;word-break:break-word",
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
