package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Config reads an app's document into into, a pointer to a struct. No
// document, and null, leave it as it is. Fields that into does not have are
// refused, at any depth, and so is a second value.
func Config(raw json.RawMessage, into any) error {
	if len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	if err := checkDepth(raw); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("config: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("config: more than one value")
	}
	return nil
}
