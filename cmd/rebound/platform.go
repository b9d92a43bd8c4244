package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/cluster"
	"github.com/rebound-chaos/rebound/scenarios/run"
)

// platformFlags say where a system runs, and of a cluster which one.
type platformFlags struct {
	on      string
	cluster cluster.Options
}

// platformHelp is the part of a verb's help that tells of platforms.
func platformHelp() string {
	var b strings.Builder
	b.WriteString("Platforms:\n")
	for _, p := range run.Platforms() {
		fmt.Fprintf(&b, "  %-16s %s\n", p.Name, p.About)
	}
	b.WriteString(`
kind uses a cluster that is up (rebound cluster up) and leaves it; else it makes
one, and deletes it with its network. Another cluster must be named, so that none
is broken by mistake: --on current-context --context NAME. Kubelet holds back what
it restarted before; the engine's own back-off counts instead, and so a restart may
write the image of a pod in another of its spellings, with or without the registry.
What a platform can do on this host, and what it would take where it cannot: rebound capabilities`)
	return b.String()
}

// flags adds them to a verb; def is the platform where none is named.
func (f *platformFlags) flags(c *cobra.Command, def string) {
	var names []string
	for _, p := range run.Platforms() {
		names = append(names, p.Name)
	}
	fs := c.Flags()
	fs.StringVar(&f.on, "on", def, "the platform: "+strings.Join(names, ", "))
	fs.StringVar(&f.cluster.Context, "context", "", "the cluster that may be broken, by its context, with --on "+run.PlatformCurrent)
	fs.StringVar(&f.cluster.Kubeconfig, "kubeconfig", "", "the file that names it (default $KUBECONFIG, or ~/.kube/config)")
	fs.BoolVar(&f.cluster.KubeSystem, "allow-kube-system", false, "allow faults in kube-system, and to stop, freeze, drain and cordon whole nodes, where a scenario asks for it")
}

// platform is the one that they name.
func (f *platformFlags) platform() (run.Platform, error) {
	p, err := run.PlatformNamed(f.on)
	if err != nil {
		return p, fmt.Errorf("--on: %w", err)
	}
	if f.cluster.KubeSystem && (p.Name == run.PlatformProcess || p.Name == run.PlatformContainers) {
		err = fmt.Errorf("--allow-kube-system: there is no kube-system on %s", p.Name)
	}
	return p, errors.Join(err, p.Check(f.cluster))
}
