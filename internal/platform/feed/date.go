package feed

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/mmcdole/gofeed"
	"github.com/mmcdole/gofeed/json"

	"rapport/internal/pattern"
	"rapport/internal/social"
)

// zoneName is the name of a time zone in a date, as the time package takes one.
var zoneName = pattern.New(`:[0-9]{2}(?: [0-9]{4})?(?: ?[AaPp][Mm])? ?([A-Z]{3,5}|ChST|MeST|GMT[+-][0-9]{1,2})(?: [0-9]{4})?$`)

// known are the names of zones that the parser turns into their offsets: those
// of RFC 5322 (section 4.3) for North America, and Europe's.
var known = map[string]bool{"GMT": true, "UTC": true, "EST": true, "EDT": true, "CST": true, "CDT": true, "MST": true, "MDT": true, "PST": true, "PDT": true,
	"WET": true, "WEST": true, "BST": true, "CET": true, "CEST": true, "EET": true, "EEST": true}

const hour, half = time.Hour, 30 * time.Minute

// zones are the offsets of further names that stand for one zone alone in the
// IANA database (https://www.iana.org/time-zones) or in feeds. Names that
// stand for several (IST: of India, Ireland and Israel; AMT: of Amazonas and
// Armenia; GST, ECT …) are not among them.
var zones = map[string]time.Duration{
	// North America and the Pacific
	"NST": -3*hour - half, "NDT": -2*hour - half, "AST": -4 * hour, "ADT": -3 * hour, "AKST": -9 * hour, "AKDT": -8 * hour, "HST": -10 * hour,
	// South America
	"BRT": -3 * hour, "BRST": -2 * hour, "ART": -3 * hour, "CLT": -4 * hour, "CLST": -3 * hour, "COT": -5 * hour, "PET": -5 * hour, "UYT": -3 * hour,
	// Europe's east
	"MSK": 3 * hour, "TRT": 3 * hour,
	// Africa
	"WAT": hour, "CAT": 2 * hour, "SAST": 2 * hour, "EAT": 3 * hour,
	// Asia
	"PKT": 5 * hour, "NPT": 5*hour + 45*time.Minute, "WIB": 7 * hour, "WITA": 8 * hour, "WIT": 9 * hour, "ICT": 7 * hour,
	"SGT": 8 * hour, "HKT": 8 * hour, "MYT": 8 * hour, "PHT": 8 * hour, "KST": 9 * hour, "JST": 9 * hour,
	// Australia and New Zealand
	"AWST": 8 * hour, "ACST": 9*hour + half, "ACDT": 10*hour + half, "AEST": 10 * hour, "AEDT": 11 * hour, "NZST": 12 * hour, "NZDT": 13 * hour,
}

// itemTime is a date of an item, which the parser has read, but for a zone
// whose name it does not know: that one it takes for UTC.
func itemTime(text string, parsed *time.Time) (time.Time, error) {
	if parsed == nil {
		return time.Time{}, nil
	}
	text = strings.Join(strings.Fields(text), " ")
	at := zoneName.FindStringSubmatch(text)
	if at == nil || known[at[1]] {
		return social.Instant(*parsed), nil
	}
	offset, ok := zones[at[1]]
	if n, err := strconv.Atoi(strings.TrimPrefix(at[1], "GMT")); err == nil && n > -24 && n < 24 { // which package time reads, and leaves aside
		offset, ok = time.Duration(n)*hour, true
	}
	if !ok {
		return time.Time{}, fmt.Errorf("the date %.60q can't be read: the zone %s stands for none, or for several; an offset such as +0530 would say which", text, at[1])
	}
	// The machine's own zone may have the name, too: the parser is asked for the date in UTC.
	end := strings.LastIndex(text, at[1])
	utc, err := (&gofeed.DefaultJSONTranslator{}).Translate(&json.Feed{Items: []*json.Item{{DatePublished: text[:end] + "UTC" + text[end+len(at[1]):]}}})
	if err != nil || len(utc.Items) == 0 || utc.Items[0].PublishedParsed == nil {
		return time.Time{}, fmt.Errorf("the date %.60q can't be read", text)
	}
	return social.Instant(utc.Items[0].PublishedParsed.Add(-offset)), nil
}
