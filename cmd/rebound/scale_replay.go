package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	corev1 "k8s.io/api/core/v1"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/scaler"
	"github.com/rebound-chaos/rebound/healers/scaler/files"
	"github.com/rebound-chaos/rebound/healers/scaler/replay"
	"github.com/rebound-chaos/rebound/reports/render"
)

func scaleReplayCommand() *cobra.Command {
	var out output
	var f replayFlags
	c := &cobra.Command{
		Use:   "replay -f HPA.yaml METRICS.csv",
		Short: "Draw what a HorizontalPodAutoscaler would have done over a recorded day",
		Long: `Replay plays a HorizontalPodAutoscaler over metrics that were recorded, one decision
each --interval, and draws the replicas over time: in the terminal, with --svg also as a
picture. Below stands what that would have cost, how long too few replicas were ready, and
which rule bound how often. Change a number of the HPA, play it again, and compare; nothing
is scaled. Ctrl-C gives it up: nothing is printed then, and the exit code is 4.

METRICS.csv has a row for each moment and a column for each metric of the HPA, by its name:

  time,cpu,requests_per_second
  2026-01-31T00:00:00Z,1.25,310
  2026-01-31T00:01:00Z,1300m,

Values are those of the whole workload: cpu in cores and memory in bytes over all pods, the
total of a metric of pods, the value of an object or external one. An empty cell is a metric
that could not be had. Times are RFC 3339, or seconds since 1970 or since the beginning;
- is standard input. Prometheus gives one metric so:

  curl -sG "$PROMETHEUS/api/v1/query_range" -d start=$(date -d yesterday +%s) -d end=$(date +%s) -d step=30 \
    --data-urlencode 'query=sum(rate(container_cpu_usage_seconds_total{pod=~"web-.*",container!=""}[2m]))' |
    jq -r '"time,cpu", (.data.result[0].values[] | join(","))' > cpu.csv

and two of them become one file with: join --header -t, cpu.csv rps.csv > metrics.csv

What was recorded is taken as demand, which the ready replicas share evenly; a new one is
ready after --ready-after. What users wanted and did not get is not in a recording: where
CPU was throttled or requests were refused, more would have been needed. Too few are ready
where a metric is above its target by more than the tolerance.`,
		Example: `  rebound scale replay -f hpa.yaml metrics.csv --request cpu=500m
  rebound scale replay -f hpa.yaml metrics.csv --request cpu=500m,memory=256Mi --ready-after 90s --svg day.svg
  kubectl get hpa.v2.autoscaling web -o yaml | rebound scale replay -f - metrics.csv --request cpu=500m -o json`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			result, err := f.play(c, args[0])
			if errors.Is(err, replay.ErrInterrupted) {
				return inconclusive(c.Context(), err)
			}
			if err != nil {
				return usage(err)
			}
			picture := drawable(&result, f.hpa)
			if f.svg != "" {
				if err := writePicture(f.svg, picture); err != nil {
					return failed(err)
				}
			}
			return failed(out.print(c.OutOrStdout(), result, func(w io.Writer) error {
				if err := render.ReplayText(w, picture, columnsOf(w)); err != nil {
					return err
				}
				_, err := io.WriteString(w, "\n"+result.Text())
				return err
			}))
		},
	}
	f.flags(c)
	out.flag(c)
	return c
}

// replayFlags are what a replay is asked for.
type replayFlags struct {
	hpa, svg   string
	mode       compat
	replicas   int32
	requests   map[string]string
	readyAfter time.Duration
	interval   time.Duration
}

func (f *replayFlags) flags(c *cobra.Command) {
	c.Flags().StringVarP(&f.hpa, "filename", "f", "", "the HorizontalPodAutoscaler, YAML or JSON")
	c.Flags().StringVar(&f.svg, "svg", "", "write the picture to this file as well")
	c.Flags().Int32Var(&f.replicas, "replicas", 0, "how many there are at the beginning (default: as many as the first row asks for)")
	c.Flags().StringToStringVar(&f.requests, "request", nil, "what one pod asks for, like cpu=500m,memory=256Mi: a target in percent is a share of it")
	c.Flags().DurationVar(&f.readyAfter, "ready-after", replay.DefaultReadyAfter, "how long a new pod takes to become ready")
	c.Flags().DurationVar(&f.interval, "interval", scaler.DefaultInterval, "how often the controller decides (its --horizontal-pod-autoscaler-sync-period)")
	f.mode.flag(c)
}

// play reads both files and plays. Each of its errors is a mistake in the input.
func (f *replayFlags) play(c *cobra.Command, recorded string) (replay.Result, error) {
	switch {
	case f.hpa == "":
		return replay.Result{}, errors.New("-f is missing: the file with the HorizontalPodAutoscaler")
	case f.hpa == "-" && recorded == "-":
		return replay.Result{}, errors.New("-f and METRICS.csv cannot both be standard input")
	}
	o, err := f.options(c)
	if err != nil {
		return replay.Result{}, err
	}
	data, err := readInput(f.hpa, c.InOrStdin())
	if err != nil {
		return replay.Result{}, err
	}
	spec, specErr := files.HPA(f.hpa, data)
	if data, err = readInput(recorded, c.InOrStdin()); err != nil {
		return replay.Result{}, errors.Join(specErr, err)
	}
	rec, err := files.Recording(recorded, data)
	if err := errors.Join(specErr, err); err != nil {
		return replay.Result{}, err
	}
	result, err := replay.Run(c.Context(), spec, rec, o)
	if errors.Is(err, replay.ErrRequest) {
		err = fmt.Errorf("%w\nsay what one pod asks for, like --request cpu=500m", err)
	}
	return result, err
}

// options are the flags as the replay takes them, or all that is wrong with them.
func (f *replayFlags) options(c *cobra.Command) (replay.Options, error) {
	o := replay.Options{Start: f.replicas, ReadyAfter: f.readyAfter, Interval: f.interval, Requests: corev1.ResourceList{}, Compat: bool(f.mode)}
	var errs []error
	if f.replicas < 1 && c.Flags().Changed("replicas") {
		errs = append(errs, fmt.Errorf("--replicas %d: expected at least 1", f.replicas))
	}
	if f.interval <= 0 {
		errs = append(errs, fmt.Errorf("--interval %s: expected a time above 0, like 30s", f.interval))
	}
	switch {
	case f.readyAfter < 0:
		errs = append(errs, fmt.Errorf("--ready-after %s: expected a time of at least 0", f.readyAfter))
	case f.readyAfter == 0:
		o.ReadyAfter = -1 // at once
	}
	for _, name := range slices.Sorted(maps.Keys(f.requests)) {
		q, err := manifest.Quantity(f.requests[name])
		if err != nil || q.Sign() <= 0 {
			errs = append(errs, fmt.Errorf("--request %s=%s: expected a quantity above 0, like 500m or 256Mi", name, f.requests[name]))
		}
		o.Requests[corev1.ResourceName(name)] = q
	}
	return o, errors.Join(errs...)
}

// drawable is a result as the renderer takes it.
func drawable(r *replay.Result, hpa string) render.Replay {
	p := render.Replay{
		Title: hpa + ", replayed", Lead: r.Lead(), From: r.From, Relative: r.Relative, Length: r.Until.Sub(r.From),
		Min: int(r.Min), Max: int(r.Max), Tolerated: r.Tolerated, Steps: make([]render.ReplayStep, len(r.Steps)),
	}
	if hpa == "-" {
		p.Title = "HorizontalPodAutoscaler, replayed"
	}
	for _, m := range r.Metrics {
		p.Metrics = append(p.Metrics, m.Name+", "+m.Target)
	}
	for _, s := range r.Short {
		p.Short = append(p.Short, render.ReplaySpan(s))
	}
	loads := make([]float64, len(r.Steps)*len(r.Metrics))
	for i := range r.Steps {
		s := &r.Steps[i]
		own := loads[i*len(r.Metrics):][:len(r.Metrics):len(r.Metrics)]
		for m := range s.Loads {
			own[m] = s.Loads[m].Ratio
		}
		p.Steps[i] = render.ReplayStep{At: s.At, Replicas: int(s.Desired), Ready: int(s.Ready), Wanted: int(s.Wanted), Loads: own}
	}
	return p
}

func writePicture(path string, picture render.Replay) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return render.ReplaySVG(f, picture)
}

// The columns of a picture in a terminal.
const (
	plainColumns  = 80 // where it is no terminal
	widestColumns = 160
)

func columnsOf(w io.Writer) int {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		if columns, _, err := term.GetSize(int(file.Fd())); err == nil {
			return min(columns, widestColumns)
		}
	}
	return plainColumns
}
