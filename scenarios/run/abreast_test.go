package run

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestAbreast(t *testing.T) {
	(*party)(nil).reach(t.Context(), pointDone) // alone: nobody to wait for
	(*party)(nil).leave()

	synctest.Test(t, func(t *testing.T) {
		all := newAbreast(3)
		began := time.Now()
		waited := func(i int, at point) <-chan time.Duration {
			c := make(chan time.Duration, 1)
			go func() { all[i].reach(t.Context(), at); c <- time.Since(began) }()
			return c
		}
		first, second := waited(0, pointStarted), waited(1, pointStarted)
		<-time.After(time.Second)
		third := waited(2, pointStarted)
		for i, c := range []<-chan time.Duration{first, second, third} {
			if got := <-c; got != time.Second {
				t.Errorf("%d went on after %v: the last one came after 1s", i, got)
			}
		}

		// One that has been here and left is not waited for, and does not count twice.
		first = waited(0, pointDone)
		all[1].leave()
		<-time.After(time.Second)
		select {
		case <-first:
			t.Error("it did not wait for the third")
		default:
		}
		all[2].leave()
		if got := <-first; got != 2*time.Second {
			t.Errorf("went on after %v", got)
		}
	})

	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		newAbreast(2)[0].reach(ctx, pointStarted)
		if ctx.Err() == nil {
			t.Error("it went on before the other came")
		}
	})
}
