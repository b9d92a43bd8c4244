// Command podnetwork is the pod network of a node of ours: it gives the node's range
// of pod addresses to the CNI plugins ptp and portmap, leads the other nodes' ranges
// to these nodes, and masquerades what leaves for anywhere else. A pod sees another
// pod's own address.
//
// It waits until the node has joined, then follows the nodes by one watch as the
// kubelet's user, which a ClusterRoleBinding in the node image's default-cni.yaml
// allows to list nodes. What it knew last it applies when it starts: after a restart
// of the node pods talk before the API server does.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	// kubeconfig is written when the node joins.
	kubeconfig = "/etc/kubernetes/kubelet.conf"
	// known is what was last known of the nodes; /kind is the container's own and
	// survives its restart.
	known = "/kind/podnetwork.json"
	// retry is how long it waits after the API server went away.
	retry = time.Second
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT) //nolint:forbidigo // contexts begin in main
	defer stop()
	log.SetFlags(0) // the journal has the time
	if err := run(ctx); err != nil && ctx.Err() == nil {
		log.Print(err)
		stop()
		os.Exit(1) //nolint:forbidigo // this is a main, and stop was called
	}
}

func run(ctx context.Context) error {
	self, err := os.Hostname()
	if err != nil {
		return err
	}
	n := &network{self: self, system: host{}}
	if err := n.recall(ctx, known); err != nil {
		log.Printf("what was known of the nodes: %v", err)
	}
	if err := waitForFile(ctx, kubeconfig); err != nil {
		return err
	}
	for last := ""; ; {
		api, err := connect(kubeconfig)
		if err == nil {
			err = follow(ctx, api, func(nodes map[string]node) error {
				if err := n.apply(ctx, nodes); err != nil {
					return err
				}
				return n.remember(known)
			})
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if now := fmt.Sprint(err); now != last && !errors.Is(err, errWatchEnded) {
			log.Printf("follow the nodes: %v", err) // once, however often it is tried
			last = now
		}
		if err := wait(ctx, retry); err != nil {
			return err
		}
	}
}

// waitForFile returns when it is there. The kubelet writes it once in the node's life.
func waitForFile(ctx context.Context, file string) error {
	for {
		if _, err := os.Stat(file); err == nil {
			return nil
		} else if !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("wait until the node has joined: %w", err)
		}
		if err := wait(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
