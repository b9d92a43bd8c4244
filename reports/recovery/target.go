package recovery

import (
	"slices"
	"strings"
)

// traffic begins the ID of what users send to a workload.
const traffic = "traffic:"

// Workloads are the workloads that an ID of the timeline is about: one for a
// workload ("orders"), an instance ("orders/2") or a volume ("store/0:data"),
// both ends' for a link ("orders/2>store/0"), and none for a node or a zone,
// which may hold any, and for traffic, which may burden any.
func Workloads(id string) []string {
	if id == "" {
		return nil
	}
	for _, of := range []string{"node:", "zone:", traffic} {
		if strings.HasPrefix(id, of) {
			return nil
		}
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
