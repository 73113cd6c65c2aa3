package conversation

import (
	"context"

	"rapport/internal/fault"
	"rapport/internal/social"
	"rapport/internal/store"
)

// asks has a conversation's head computed again, one of whose messages was
// edited: the head says what the message asks that waits.
func (k *keeping) asks(ctx context.Context, p store.Place) error {
	if p.Direction != social.Inbound {
		return nil
	}
	root, err := k.store.Root(ctx, k.w, p.Thread)
	if err != nil {
		return err
	}
	_, err = k.store.Head(ctx, k.w, root, p.Account)
	if fault.Is(err, fault.NotFound) {
		return nil // whoever writes it finds the edit
	}
	if err == nil {
		k.touch(root, p.Account, store.Change{Whole: true})
	}
	return err
}
