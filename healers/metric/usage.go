package metric

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// The metrics of [Source.Usage]: cores and resident bytes, each of one instance.
const (
	CPU    = "cpu"
	Memory = "memory"
)

// OfContainer is what a metric of [Source.Usage] is called when it is of one container. No
// other metric is called so, since names have no slash.
func OfContainer(metric, container string) string { return metric + "/" + container }

// gauge reads what the platform meters. One reading gives both metrics.
type gauge struct {
	system     sut.System
	containers bool
}

func (g *gauge) ask(ctx context.Context, f *followed) ([]Sample, []Failure, error) {
	m, err := sut.Find[sut.Meter](g.system, sut.CanMeter, f.Target)
	if err != nil {
		return nil, nil, err
	}
	u, err := m.Usage(ctx, f.Target)
	if err != nil {
		return nil, nil, err
	}
	var samples []Sample
	var failed []Failure
	take := func(name string, value float64) {
		if value < 0 {
			failed = append(failed, Failure{Metric: name, Reason: fmt.Sprintf("%v is no value: nobody uses less than nothing", value)})
			return
		}
		samples = append(samples, Sample{Metric: name, Value: value, At: u.At, Window: u.Window})
	}
	take(CPU, u.CPU)
	take(Memory, float64(u.Memory))
	if !g.containers {
		return samples, failed, nil
	}
	for _, name := range slices.Sorted(maps.Keys(u.Containers)) {
		take(OfContainer(CPU, name), u.Containers[name].CPU)
		take(OfContainer(Memory, name), float64(u.Containers[name].Memory))
	}
	return samples, failed, nil
}
