// Package together does several things at the same time, and waits for all of them.
package together

import (
	"errors"
	"sync"
)

// Do calls do for 0 up to n at the same time, the first of them itself, and returns all failures.
func Do(n int, do func(i int) error) error {
	if n == 0 {
		return nil
	}
	failures := make([]error, n)
	var wait sync.WaitGroup
	for i := 1; i < n; i++ {
		wait.Go(func() { failures[i] = do(i) })
	}
	failures[0] = do(0)
	wait.Wait()
	return errors.Join(failures...)
}
