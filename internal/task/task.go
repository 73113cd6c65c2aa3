// Package task holds the messages that functions queue for each other. It
// stands alone so that who works one off need not link who sends it.
package task

import (
	"time"

	"rapport/internal/store"
	"rapport/internal/view"
)

// Score asks for the persons of accounts to be scored again.
type Score struct {
	Workspace string       `json:"workspace"`
	Accounts  []view.Stale `json:"accounts"`
	Regroup   []string     `json:"regroup,omitempty"` // accounts about which it was decided to whom they belong
	Match     []string     `json:"match,omitempty"`   // accounts that are called something new: whom are they one person with?
	Received  time.Time    `json:"received,omitzero"` // when the delivery came that changed them; zero: none did, or it is done again
}

// View asks for the views of activities to be computed again.
type View struct {
	Workspace string          `json:"workspace"`
	Facts     []store.FactRef `json:"facts"`
	Received  time.Time       `json:"received,omitzero"` // when the delivery came that brought them; zero: none did, or it is done again
}

// Erase asks that everything of an account be forgotten, because its platform demands it.
type Erase struct {
	Workspace string `json:"workspace"`
	Platform  string `json:"platform"`
	Scope     string `json:"scope,omitempty"` // within what the id is unique
	ID        string `json:"id,omitempty"`    // empty: every account of the scope
	Reason    string `json:"reason"`
	At        string `json:"at"`
	Again     bool   `json:"again,omitempty"` // it is the second pass
	Part      string `json:"part,omitempty"`  // where an attempt that ran out of time goes on; empty: at the start
	After     string `json:"after,omitempty"` // and after what
	Found     bool   `json:"found,omitempty"` // an earlier part of it found facts
}

// Refit asks that a refit be gone on with until it has ended.
type Refit struct {
	Workspace string `json:"workspace"`
	ID        string `json:"id"`
}

// Reads is a message that stands among deliveries, for the function that reads texts.
type Reads struct {
	Refit *Refit `json:"refit"`
}
