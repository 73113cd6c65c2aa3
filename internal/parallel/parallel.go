// Package parallel does several things at once that wait for a service, not
// for the processor.
package parallel

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// Each calls f for 0 to n-1, at most limit of them at once, and returns their
// errors by index. A panic is an error of its own call, so that it never ends
// the process. What has not begun when ctx ends is not begun: its error is
// ctx's.
func Each(ctx context.Context, n, limit int, f func(i int) error) []error {
	errs := make([]error, n)
	gate := make(chan struct{}, limit)
	var wait sync.WaitGroup
	for i := range n {
		gate <- struct{}{}
		wait.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					errs[i] = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
				}
				<-gate
			}()
			if errs[i] = ctx.Err(); errs[i] == nil {
				errs[i] = f(i)
			}
		})
	}
	wait.Wait()
	return errs
}
