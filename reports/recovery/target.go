package recovery

import (
	"slices"
	"strings"
)

// Workloads are the workloads that an ID of the timeline is about: one for a
// workload ("orders"), an instance ("orders/2") or a volume ("store/0:data"),
// both ends' for a link ("orders/2>store/0"), and none for a node or a zone,
// which may hold any.
func Workloads(id string) []string {
	if id == "" || strings.HasPrefix(id, "node:") || strings.HasPrefix(id, "zone:") {
		return nil
	}
	var all []string
	for end := range strings.SplitSeq(id, ">") {
		end, _, _ = strings.Cut(end, ":")
		end, _, _ = strings.Cut(end, "/")
		if end != "" && !slices.Contains(all, end) {
			all = append(all, end)
		}
	}
	return all
}
