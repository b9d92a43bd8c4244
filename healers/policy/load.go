package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
)

// Source is a file that Load reads from.
type Source struct {
	File string
	Data []byte
}

// Load compiles a policy out of one file with a HealingPolicy and any number of
// Runbooks. Its error is [manifest.Problems], all of them.
func Load(file string, data []byte) (*Policy, error) {
	return LoadAll(Source{File: file, Data: data})
}

// LoadAll is Load over several files, so that runbooks can have files of their
// own. Runbooks that the policy does not name are checked and left out.
func LoadAll(sources ...Source) (*Policy, error) {
	var found error
	var policies, runbooks []*manifest.Doc
	for _, s := range sources {
		docs, err := manifest.Split(s.File, s.Data)
		found = joined(found, err)
		for _, d := range docs {
			switch d.Kind() {
			case "HealingPolicy":
				policies = append(policies, d)
			case "Runbook":
				runbooks = append(runbooks, d)
			default:
				found = manifest.Join(found, d.Problem("kind", "expected HealingPolicy or Runbook, got %q", d.Kind()))
			}
		}
	}
	known := map[string]Runbook{}
	for _, d := range runbooks {
		r, err := compileRunbook(d)
		found = joined(found, err)
		if _, twice := known[r.Name]; twice {
			found = manifest.Join(found, d.Problem("metadata.name", "there are two runbooks named %s", r.Name))
		}
		known[r.Name] = r
	}
	if len(policies) == 0 && found == nil {
		found = manifest.Problems{{File: sourceName(sources), Text: "expected one HealingPolicy, got none"}}
	}
	var p *Policy
	for i, d := range policies {
		if i > 0 {
			found = manifest.Join(found, d.Problem("kind", "expected one HealingPolicy, this is another"))
		}
		one, err := compilePolicy(d, known)
		found = joined(found, err)
		p = one
	}
	if found != nil {
		return nil, found
	}
	digest, err := p.sum()
	if err != nil {
		return nil, fmt.Errorf("digest of policy %s: %w", p.Name, err)
	}
	p.Digest = digest
	return p, nil
}

func sourceName(sources []Source) string {
	if len(sources) == 0 {
		return ""
	}
	return sources[0].File
}

// joined adds the problems of err to those found; an error of another sort wins.
func joined(found, err error) error {
	if err == nil {
		return found
	}
	var problems manifest.Problems
	if !errors.As(err, &problems) {
		return err
	}
	return manifest.Join(found, problems...)
}

// sum is the policy's digest: encoding/json writes fields in the order of the
// type and keys sorted, which is canonical for one version of Rebound.
func (p *Policy) sum() (string, error) {
	bare := *p
	bare.Digest = ""
	raw, err := json.Marshal(bare)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}
