package main

import (
	"os"
	"strings"
	"testing"
)

// The manifest is kept elsewhere, and has the place where the image is named.
func TestMetricsManifest(t *testing.T) {
	text, err := os.ReadFile(metricsManifest)
	if err != nil || !strings.Contains(string(text), "image: ${METRICS_SERVER}\n") {
		t.Errorf("it does not name its image as node.go does: %v", err)
	}
}
