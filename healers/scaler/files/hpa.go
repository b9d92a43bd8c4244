package files

import (
	"slices"

	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/rebound-chaos/rebound/fixtures/manifest"
	"github.com/rebound-chaos/rebound/healers/scaler"
)

// full is a HorizontalPodAutoscaler as kubectl writes it.
type full struct {
	APIVersion string      `json:"apiVersion,omitempty"`
	Kind       string      `json:"kind,omitempty"`
	Metadata   metadata    `json:"metadata,omitzero"`
	Spec       scaler.Spec `json:"spec"`
	Status     any         `json:"status,omitempty"` // of no interest
}

// metadata is decoded as strictly as the spec; what it must have its validation says.
type metadata struct {
	metav1.ObjectMeta `json:",inline"`

	_ struct{} `manifest:"sparse"`
}

// validate finds what the API server refuses. A name and a namespace may be left out, as
// nothing is applied.
func (m *metadata) validate() (out field.ErrorList) {
	object := m.ObjectMeta
	if object.Namespace == "" {
		object.Namespace = metav1.NamespaceDefault
	}
	for _, e := range validation.ValidateObjectMeta(&object, true, validation.NameIsDNSSubdomain, field.NewPath("metadata")) {
		if e.Field != "metadata.name" || e.Type != field.ErrorTypeRequired {
			out = append(out, e)
		}
	}
	return out
}

const (
	apiVersion = "autoscaling/v2"
	kind       = "HorizontalPodAutoscaler"
)

// HPA reads a HorizontalPodAutoscaler: a document as kubectl has it, or its spec alone.
// One with a name could be applied, and so must say what it scales. Its error is
// [manifest.Problems], all of them, under the paths that the API server uses.
func HPA(file string, data []byte) (*scaler.Spec, error) {
	docs, err := manifest.Split(file, data)
	if err != nil {
		return nil, err
	}
	doc := docs[0]
	if len(docs) > 1 {
		return nil, manifest.Problems{docs[1].Problem("", "expected one document, got %d", len(docs))}
	}
	var peek struct {
		Rest map[string]any `manifest:"rest"`
	}
	_ = doc.Decode(&peek) // whatever is wrong is found again below
	whole := slices.ContainsFunc([]string{"apiVersion", "kind", "metadata", "spec"}, func(name string) bool { return peek.Rest[name] != nil })
	if !whole {
		spec := &scaler.Spec{}
		err = doc.Decode(spec)
		return finish(doc, err, spec, nil, false)
	}
	var f full
	err = doc.Decode(&f)
	// A name that is none is one nevertheless: what it stands on could not be applied without
	// a target either.
	written, _ := peek.Rest["metadata"].(map[string]any)
	named := written["name"] != nil && written["name"] != "" || f.Metadata.GenerateName != ""
	var found []manifest.Problem
	if f.APIVersion != "" && f.APIVersion != apiVersion {
		found = append(found, doc.Problem("apiVersion", "expected %s, got %q; kubectl get hpa.v2.autoscaling NAME -o yaml writes it", apiVersion, f.APIVersion))
	}
	if f.Kind != "" && f.Kind != kind {
		found = append(found, doc.Problem("kind", "expected %s, got %q", kind, f.Kind))
	}
	for _, e := range f.Metadata.validate() {
		found = append(found, doc.Problem(e.Field, "%s", e.ErrorBody()))
	}
	return finish(doc, err, &f.Spec, field.NewPath("spec"), named, found...)
}

// finish fills in the defaults and adds what the validation finds.
func finish(doc *manifest.Doc, err error, spec *scaler.Spec, at *field.Path, target bool, found ...manifest.Problem) (*scaler.Spec, error) {
	spec = spec.Defaulted()
	for _, e := range spec.Validate(at, target) {
		found = append(found, doc.Problem(e.Field, "%s", e.ErrorBody()))
	}
	if err := manifest.Join(err, found...); err != nil {
		return nil, err
	}
	return spec, nil
}
