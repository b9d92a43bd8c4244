package main

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// fakeNode records what is changed of the node.
type fakeNode struct {
	did    []string
	rules  string
	routes string // what `ip route show` tells
	files  map[string]string
}

func (f *fakeNode) run(_ context.Context, input string, command ...string) (string, error) {
	line := strings.Join(command, " ")
	if strings.Contains(line, "route show") {
		return f.routes, nil
	}
	if command[0] == "nft" {
		f.rules = input
		return "", nil
	}
	f.did = append(f.did, line)
	return "", nil
}

func (f *fakeNode) write(file string, content []byte) error {
	if f.files == nil {
		f.files = map[string]string{}
	}
	f.files[file] = string(content)
	return nil
}

func (*fakeNode) mtu() int { return 1450 }

var three = map[string]node{
	"me":    {Pods: "10.1.0.0/24", IP: "172.18.0.2"},
	"other": {Pods: "10.1.1.0/24", IP: "172.18.0.3"},
	"new":   {IP: "172.18.0.4"}, // no range yet
}

func TestApplyLeadsToTheOthersAndDropsStrays(t *testing.T) {
	f := &fakeNode{routes: "10.1.1.0/24 via 172.18.0.9 dev eth0 \n10.1.7.0/24 via 172.18.0.7 dev eth0 \n"}
	n := &network{self: "me", system: f}
	if err := n.apply(t.Context(), three); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"ip -4 route replace 10.1.1.0/24 via 172.18.0.3 proto 77",
		"ip -4 route del 10.1.7.0/24 proto 77",
	}
	if !slices.Equal(f.did, want) {
		t.Errorf("did %q, want %q", f.did, want)
	}
	for _, s := range []string{"elements = { 10.1.0.0/24, 10.1.1.0/24 }", "ip saddr @pods ip daddr != @pods", "masquerade", "delete table ip rebound_pods"} {
		if !strings.Contains(f.rules, s) {
			t.Errorf("rules\n%s\nwant %q in them", f.rules, s)
		}
	}
	var config struct {
		Plugins []map[string]any `json:"plugins"`
	}
	if err := json.Unmarshal([]byte(f.files[conflist]), &config); err != nil {
		t.Fatal(err)
	}
	if len(config.Plugins) != 2 || config.Plugins[0]["type"] != "ptp" || config.Plugins[0]["ipMasq"] != false || config.Plugins[0]["mtu"] != 1450.0 || config.Plugins[1]["type"] != "portmap" {
		t.Errorf("plugins %v", config.Plugins)
	}
	if !strings.Contains(f.files[conflist], `"subnet": "10.1.0.0/24"`) {
		t.Errorf("configuration\n%s\nwant the node's own range", f.files[conflist])
	}
}

func TestApplyWithoutARangeOfItsOwn(t *testing.T) {
	f := &fakeNode{}
	n := &network{self: "new", system: f}
	if err := n.apply(t.Context(), three); err != nil {
		t.Fatal(err)
	}
	if len(f.files) != 0 {
		t.Errorf("wrote %v before the node has a range", f.files)
	}
	if len(f.did) != 2 {
		t.Errorf("did %q, want a route to each that has a range", f.did)
	}
}

func TestRecallAppliesWhatWasKnown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "known.json")
	n := &network{self: "me", system: &fakeNode{}}
	if err := n.recall(t.Context(), file); err != nil {
		t.Fatalf("nothing known: %v", err)
	}
	n.nodes = three
	if err := n.remember(file); err != nil {
		t.Fatal(err)
	}
	written := n.system.(*fakeNode).files[file]
	if err := os.WriteFile(file, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &fakeNode{}
	after := &network{self: "me", system: f}
	if err := after.recall(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	if !maps.Equal(after.nodes, three) || len(f.did) != 1 {
		t.Errorf("recalled %v, did %q", after.nodes, f.did)
	}
}

func TestNodeOfTakesIPv4(t *testing.T) {
	var o object
	err := json.Unmarshal([]byte(`{"spec":{"podCIDR":"fd00::/64","podCIDRs":["fd00::/64","10.1.2.0/24"]},
		"status":{"addresses":[{"type":"Hostname","address":"w"},{"type":"InternalIP","address":"fd01::2"},{"type":"InternalIP","address":"172.18.0.5"}]}}`), &o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := nodeOf(o), (node{Pods: "10.1.2.0/24", IP: "172.18.0.5"}); got != want {
		t.Errorf("read %+v, want %+v", got, want)
	}
}

func TestFollowTellsChangesAndNoHeartbeats(t *testing.T) {
	nodeJSON := func(name, pods, ip string) string {
		return `{"metadata":{"name":"` + name + `"},"spec":{"podCIDR":"` + pods + `"},"status":{"addresses":[{"type":"InternalIP","address":"` + ip + `"}]}}`
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			_, _ = w.Write([]byte(`{"metadata":{"resourceVersion":"7"},"items":[` + nodeJSON("a", "10.1.0.0/24", "1.1.1.1") + `]}`))
			return
		}
		if got := r.URL.Query().Get("resourceVersion"); got != "7" {
			t.Errorf("watches from %q, want from the list on", got)
		}
		for _, e := range []string{
			`{"type":"MODIFIED","object":` + nodeJSON("a", "10.1.0.0/24", "1.1.1.1") + `}`, // a heartbeat
			`{"type":"ADDED","object":` + nodeJSON("b", "10.1.1.0/24", "1.1.1.2") + `}`,
			`{"type":"MODIFIED","object":` + nodeJSON("a", "10.1.0.0/24", "1.1.1.9") + `}`,
			`{"type":"DELETED","object":` + nodeJSON("b", "10.1.1.0/24", "1.1.1.2") + `}`,
		} {
			_, _ = w.Write([]byte(e + "\n"))
		}
	}))
	defer server.Close()
	var told []map[string]node
	err := follow(t.Context(), &client{server: server.URL, http: server.Client()}, func(nodes map[string]node) error {
		told = append(told, maps.Clone(nodes))
		return nil
	})
	if !errors.Is(err, errWatchEnded) {
		t.Errorf("error %v, want that the watch ended", err)
	}
	a, moved, b := node{Pods: "10.1.0.0/24", IP: "1.1.1.1"}, node{Pods: "10.1.0.0/24", IP: "1.1.1.9"}, node{Pods: "10.1.1.0/24", IP: "1.1.1.2"}
	want := []map[string]node{{"a": a}, {"a": a, "b": b}, {"a": moved, "b": b}, {"a": moved}}
	if !slices.EqualFunc(told, want, func(x, y map[string]node) bool { return maps.Equal(x, y) }) {
		t.Errorf("told %v, want %v", told, want)
	}
}

func TestFollowSaysWhatTheServerSays(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "nodes is forbidden", http.StatusForbidden)
	}))
	defer server.Close()
	err := follow(t.Context(), &client{server: server.URL, http: server.Client()}, func(map[string]node) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "nodes is forbidden") {
		t.Errorf("error %v, want what the server says", err)
	}
}
