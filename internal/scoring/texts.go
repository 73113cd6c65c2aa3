package scoring

// TextDays is how far back, in days, rules of m ask for texts, urls, handles or
// names: what is older is scored from records without them. It is 0 if none does.
func (m Model) TextDays() int {
	asks := func(w *When) bool { return w != nil && w.program.reads&readsTexts != 0 }
	days := 0
	for i := range m.Rules {
		r := &m.Rules[i]
		switch r.Kind {
		case ActivityRule:
			if asks(r.When) {
				days = max(days, r.window(&m))
			}
		case PatternRule:
			for j := range r.Behaviours {
				if asks(&r.Behaviours[j].When) {
					days = max(days, r.WithinDays)
				}
			}
		case RateRule:
			if asks(r.When) {
				days = max(days, r.RecentDays+r.BaseDays)
			}
		}
	}
	return days
}
