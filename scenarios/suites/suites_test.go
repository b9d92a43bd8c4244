package suites_test

import (
	"testing"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
)

func TestSuites(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	RegisterFailHandler(Fail)
	RunSpecs(t, "Scenarios on processes")
}
