package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	conflist = "/etc/cni/net.d/10-rebound.conflist"
	// proto marks routes as ours.
	proto = "77"
	table = "rebound_pods"
	// uplink is a kind node's interface to the others.
	uplink = "eth0"
)

// node is what the network needs to know of one.
type node struct {
	// Pods is the range of its pods' addresses; "": none was given yet.
	Pods string `json:"pods,omitempty"`
	// IP is where it is reached.
	IP string `json:"ip,omitempty"`
}

// nodeOf reads its IPv4 range and address.
func nodeOf(o object) node {
	var n node
	for _, r := range append([]string{o.Spec.PodCIDR}, o.Spec.PodCIDRs...) {
		if p, err := netip.ParsePrefix(r); err == nil && p.Addr().Is4() && n.Pods == "" {
			n.Pods = p.Masked().String()
		}
	}
	for _, a := range o.Status.Addresses {
		if ip, err := netip.ParseAddr(a.Address); err == nil && ip.Is4() && a.Type == "InternalIP" && n.IP == "" {
			n.IP = ip.String()
		}
	}
	return n
}

// system is what of the node is changed.
type system interface {
	// run runs a command with that standard input.
	run(ctx context.Context, input string, command ...string) (string, error)
	// write replaces a file at once.
	write(file string, content []byte) error
	// mtu is that of the uplink.
	mtu() int
}

// network is the node's part of the pod network.
type network struct {
	self   string
	system system
	nodes  map[string]node
}

// apply makes routes, rules and the CNI configuration what the nodes want. A node
// without range or address has no route yet.
func (n *network) apply(ctx context.Context, nodes map[string]node) error {
	n.nodes = maps.Clone(nodes)
	if own := nodes[n.self]; own.Pods != "" {
		if err := n.system.write(conflist, cni(own.Pods, n.system.mtu())); err != nil {
			return fmt.Errorf("write %s: %w", conflist, err)
		}
	}
	if _, err := n.system.run(ctx, masquerade(nodes), "nft", "-f", "-"); err != nil {
		return err
	}
	want := routes(n.self, nodes)
	for _, pods := range slices.Sorted(maps.Keys(want)) {
		if _, err := n.system.run(ctx, "", "ip", "-4", "route", "replace", pods, "via", want[pods], "proto", proto); err != nil {
			return err
		}
	}
	have, err := n.system.run(ctx, "", "ip", "-4", "route", "show", "proto", proto)
	if err != nil {
		return err
	}
	for _, pods := range strays(have, want) {
		if _, err := n.system.run(ctx, "", "ip", "-4", "route", "del", pods, "proto", proto); err != nil {
			return err
		}
	}
	return nil
}

// routes are the other nodes' ranges and where they lead.
func routes(self string, nodes map[string]node) map[string]string {
	to := map[string]string{}
	for name, n := range nodes {
		if name != self && n.Pods != "" && n.IP != "" {
			to[n.Pods] = n.IP
		}
	}
	return to
}

// strays are the routes of a listing that nothing wants.
func strays(listing string, want map[string]string) []string {
	var out []string
	for line := range strings.Lines(listing) {
		if pods, _, _ := strings.Cut(strings.TrimSpace(line), " "); pods != "" && want[pods] == "" {
			out = append(out, pods)
		}
	}
	return out
}

// masquerade is a rule set: pods keep their address among pods, and have the node's
// towards all others.
func masquerade(nodes map[string]node) string {
	var ranges []string
	for _, n := range nodes {
		if n.Pods != "" {
			ranges = append(ranges, n.Pods)
		}
	}
	slices.Sort(ranges)
	rules := "table ip " + table + "\ndelete table ip " + table + "\n" // that it is there, then gone
	if len(ranges) == 0 {
		return rules
	}
	set := strings.Join(ranges, ", ")
	return rules + "table ip " + table + ` {
	set pods { type ipv4_addr; flags interval; elements = { ` + set + ` } }
	chain out {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr @pods ip daddr != @pods ip daddr != 224.0.0.0/4 masquerade
	}
}
`
}

// cni is the configuration of the node's plugins. The addresses in use are kept
// where a restart of the node forgets them, as it forgets the pods.
func cni(pods string, mtu int) []byte {
	ptp := map[string]any{
		"type":   "ptp",
		"ipMasq": false,
		"ipam": map[string]any{
			"type":    "host-local",
			"dataDir": "/run/cni-addresses",
			"routes":  []any{map[string]any{"dst": "0.0.0.0/0"}},
			"ranges":  []any{[]any{map[string]any{"subnet": pods}}},
		},
	}
	if mtu > 0 {
		ptp["mtu"] = mtu
	}
	out, err := json.MarshalIndent(map[string]any{
		"cniVersion": "0.3.1",
		"name":       "rebound",
		"plugins":    []any{ptp, map[string]any{"type": "portmap", "capabilities": map[string]any{"portMappings": true}}},
	}, "", "  ")
	if err != nil {
		panic(err) // maps of strings
	}
	return append(out, '\n')
}

// remember keeps what was applied.
func (n *network) remember(file string) error {
	content, err := json.Marshal(n.nodes)
	if err != nil {
		return err
	}
	return n.system.write(file, content)
}

// recall applies what was remembered, if anything.
func (n *network) recall(ctx context.Context, file string) error {
	content, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	var nodes map[string]node
	if err := json.Unmarshal(content, &nodes); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return n.apply(ctx, nodes)
}

// host is the node itself.
type host struct{}

func (host) run(ctx context.Context, input string, command ...string) (string, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}

func (host) write(file string, content []byte) error {
	if have, err := os.ReadFile(file); err == nil && bytes.Equal(have, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	beside := filepath.Join(filepath.Dir(file), ".rebound.tmp")
	if err := os.WriteFile(beside, content, 0o644); err != nil {
		return err
	}
	return os.Rename(beside, file)
}

func (host) mtu() int {
	content, err := os.ReadFile("/sys/class/net/" + uplink + "/mtu")
	if err != nil {
		log.Printf("mtu of %s: %v", uplink, err)
		return 0
	}
	mtu, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		log.Printf("mtu of %s: %v", uplink, err)
	}
	return mtu
}
