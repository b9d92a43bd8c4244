// Package oracle compares healers/scaler with kube-controller-manager's own code
// (pkg/controller/podautoscaler v1.34.4), on the same random inputs: what is decided, the
// conditions, and the history afterwards; and what is refused and what is filled in, with the
// validation and the defaults of the API server. In compat mode nothing may differ. Where the
// default mode decides otherwise, the differences that make it do so are named.
//
// What the scaler does not have is not compared: the scale subresource and its selector
// (FailedGetScale, InvalidSelector, AmbiguousSelector, FailedUpdateScale), init containers and
// the overhead of a pod. A restartable init container is a container like any other.
//
// `make oracle` puts a copy of upstream's module beside (out/oracle), with one file more that
// makes its parts reachable (export.go.txt), and runs the tests here.
package oracle
