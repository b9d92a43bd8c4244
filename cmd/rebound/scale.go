package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/healers/scaler"
	"github.com/rebound-chaos/rebound/healers/scaler/files"
)

func scaleCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "scale",
		Short: "Say what a HorizontalPodAutoscaler would do, without doing it",
		Long: `Scale asks the scaler of the healing engine what it makes of a HorizontalPodAutoscaler,
the one that you have already: of one moment (explain), or of a day that was recorded
(replay). Nothing is scaled.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(scaleExplainCommand(), scaleReplayCommand())
	return c
}

// compat is the flag --compat: empty, or v2.
type compat bool

func (c *compat) String() string {
	if *c {
		return "v2"
	}
	return ""
}

func (c *compat) Type() string { return "version" }

func (c *compat) Set(text string) error {
	if text != "v2" {
		return errors.New("expected v2")
	}
	*c = true
	return nil
}

func (c *compat) flag(on *cobra.Command) {
	on.Flags().Var(c, "compat", "v2: the integers of kube-controller-manager v1.34.4, with its defects (default: without them)")
}

func scaleExplainCommand() *cobra.Command {
	var out output
	var mode compat
	var hpa, observed string
	c := &cobra.Command{
		Use:   "explain -f HPA.yaml -m OBSERVATIONS.json",
		Short: "Explain one decision: what each metric proposes, and which rule bound",
		Long: `Explain makes one decision from a HorizontalPodAutoscaler and from what was observed, and
says what each metric proposes, with how many pods counted, which rule bound and with
what numbers. Both files may be YAML or JSON; - is standard input.

The HorizontalPodAutoscaler may be written out in full, as kubectl get hpa -o yaml has it,
or be its spec alone. What it leaves out has upstream's defaults. Beyond upstream it may
have fallback: {after: 3m, replicas: 6}, flapBudget: {turns: 6, within: 1h} and
replicaHoursPerDay: 240.

The observations, with times in RFC 3339 and quantities as Kubernetes writes them:

  {"now": "2026-01-31T08:00:00Z", "specReplicas": 3, "statusReplicas": 3,
   "pods": [{"name": "a", "phase": "Running", "ready": true,
             "readyTransition": "2026-01-31T07:00:00Z", "startTime": "2026-01-31T07:00:00Z",
             "containers": [{"name": "app", "requests": {"cpu": "1"},
                             "usage": {"cpu": {"value": "900m", "timestamp": "2026-01-31T07:59:50Z", "window": "30s"}}}],
             "custom": {"queue_depth": {"value": "7"}}}],
   "object": [{"metric": "requests", "object": {"kind": "Ingress", "name": "web"}, "value": "2k"}],
   "external": [{"metric": "jobs", "selector": "queue=mail", "values": ["30", "12"]}],
   "errors": {"jobs": "the queue did not answer"},
   "history": {"recommendations": [{"at": "2026-01-31T07:58:00Z", "replicas": 5}],
               "scaleUps": [{"at": "2026-01-31T07:58:00Z", "change": 2}], "scaleDowns": [],
               "failures": [{"metric": "jobs", "since": "2026-01-31T07:55:00Z"}],
               "spent": {"hours": 96.5, "at": "2026-01-31T07:59:45Z"}}}

All of it may be left out. A pod may also have "deleting": true, "owned": false where only
the selector finds it, and requests of its own, which come before those of its containers.
A missing usage is a missing sample; an object or external
metric that is not there could not be had; a pod without ready has no Ready condition, and
one without startTime was not started, so that its CPU does not count. A history that is
left out is empty: nothing keeps from scaling down. A fallback waits from when its metric
began to fail, which is now unless failures says since when; and replicaHoursPerDay counts
what was spent of the UTC day of at (left out: now), which is nothing unless spent says so.

Where a metric fails the number that is printed is the current one, and the exit code
is 0: that is the decision.`,
		Example: `  rebound scale explain -f hpa.yaml -m now.json
  kubectl get hpa.v2.autoscaling web -o yaml | rebound scale explain -f - -m now.json --compat v2 -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch {
			case hpa == "":
				return usage(errors.New("-f is missing: the file with the HorizontalPodAutoscaler"))
			case observed == "":
				return usage(errors.New("-m is missing: the file with what was observed; --help shows one"))
			case hpa == "-" && observed == "-":
				return usage(errors.New("-f and -m cannot both be standard input"))
			}
			data, err := readInput(hpa, c.InOrStdin())
			if err != nil {
				return usage(err)
			}
			spec, err := files.HPA(hpa, data)
			if err != nil {
				return usage(err)
			}
			if mode && (spec.Fallback != nil || spec.FlapBudget != nil || spec.ReplicaHoursPerDay != 0) {
				fmt.Fprintln(c.ErrOrStderr(), "rebound: with --compat v2 fallback, flapBudget and replicaHoursPerDay do nothing: upstream has none")
			}
			if data, err = readInput(observed, c.InOrStdin()); err != nil {
				return usage(err)
			}
			o, history, err := files.Observation(observed, data, bool(mode))
			if err != nil {
				return usage(err)
			}
			decision := scaler.New(spec, scaler.Options{Compat: bool(mode)}).Decide(o, history)
			e := decision.Explain()
			return failed(out.print(c.OutOrStdout(), e, func(w io.Writer) error {
				_, err := io.WriteString(w, e.Text())
				return err
			}))
		},
	}
	c.Flags().StringVarP(&hpa, "filename", "f", "", "the HorizontalPodAutoscaler, YAML or JSON")
	c.Flags().StringVarP(&observed, "metrics", "m", "", "what was observed, YAML or JSON")
	mode.flag(c)
	out.flag(c)
	return c
}

// readInput reads a file that was named on the command line, or standard input.
func readInput(name string, stdin io.Reader) ([]byte, error) {
	if name == "-" {
		data, err := io.ReadAll(stdin)
		if err != nil {
			return nil, fmt.Errorf("read standard input: %w", err)
		}
		return data, nil
	}
	return os.ReadFile(name)
}
