package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/rebound-chaos/rebound/fixtures/host"
)

// rootCommand acts on the machine for a harness that may not: it runs in a container
// that may.
func rootCommand() *cobra.Command {
	return &cobra.Command{
		Use: "_root", Hidden: true, Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return failed(host.ServeRoot(os.Stdin, os.Stdout)) },
	}
}
