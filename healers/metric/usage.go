package metric

import (
	"context"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/sut"
)

// The metrics of [Source.Usage]: cores and resident bytes, each of one instance.
const (
	CPU    = "cpu"
	Memory = "memory"
)

// gauge reads what the platform meters. One reading gives both metrics.
type gauge struct{ system sut.System }

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
	for _, one := range []Sample{
		{Metric: CPU, Value: u.CPU, At: u.At, Window: u.Window},
		{Metric: Memory, Value: float64(u.Memory), At: u.At, Window: u.Window},
	} {
		if one.Value < 0 {
			failed = append(failed, Failure{Metric: one.Metric, Reason: fmt.Sprintf("%v is no value: nobody uses less than nothing", one.Value)})
			continue
		}
		samples = append(samples, one)
	}
	return samples, failed, nil
}
