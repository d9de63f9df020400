package together_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"revento-alerts/shared/ground/together"
)

func TestAllIsDoneAtTheSameTime(t *testing.T) {
	const n = 5
	var all sync.WaitGroup
	all.Add(n)
	done := make([]int, n)
	err := together.Do(n, func(i int) error {
		done[i]++
		all.Done()
		all.Wait() // ends only where all have begun
		return nil
	})
	if err != nil || fmt.Sprint(done) != "[1 1 1 1 1]" {
		t.Errorf("done %v times, %v; want each once", done, err)
	}
}

func TestEveryFailureIsReturned(t *testing.T) {
	failures := []error{errors.New("first"), nil, errors.New("third")}
	err := together.Do(len(failures), func(i int) error { return failures[i] })
	if !errors.Is(err, failures[0]) || !errors.Is(err, failures[2]) {
		t.Errorf("the error is %v, want both failures", err)
	}
}

func TestNothingToDoIsNoFailure(t *testing.T) {
	if err := together.Do(0, func(int) error { return errors.New("called") }); err != nil {
		t.Error(err)
	}
}
