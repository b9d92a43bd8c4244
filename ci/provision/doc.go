// Command provision brings a machine to where every suite runs: a Docker engine, the
// images of PostgreSQL and Redis, a kind node image, and metrics-server. `make
// provision` runs it, and so does `make test`. Where all is there it does nothing and
// ends within seconds; at the end it says what it did and how long that took.
//
// What is there is used: a Docker engine that answers, also a rootless or a remote
// one; images that were pulled or made by anybody. What is not there it gets, in this
// order:
//
//   - Docker: as root on Debian by apt-get; started as a daemon of its own where
//     systemd does not run, with its log in /var/log/dockerd.log. Elsewhere it says
//     what to install. On a host without CAP_SYS_RESOURCE, and on no other, the engine
//     that it starts has [github.com/rebound-chaos/rebound/ci/provision/runcfilter]
//     in front of runc: no privileged container would start.
//   - Images: pulled, where a registry answers. Else built from Debian's packages and
//     Go modules, which wants root for debootstrap:
//     debian is the one base of all; postgres and redis have the interface of the
//     official images; node is a kind node.
//
// The node image is Kubernetes of the version that nodeimage/go.mod requires, which is
// the one place that says it. Its commands are tools of that module, etcd and
// metrics-server have mains there, CoreDNS stands in its own module, because its
// libraries are older. The entrypoint, the units and the containerd configuration of
// a node are read from kind's module; the names of the control plane's images from
// `kubeadm config images list`, and no registry is named here. Pods are connected by
// podnetwork, a unit of ours on every node: kind's own network is no Go module. The
// image of metrics-server is in the node image, and in Docker for nodes that were
// pulled: rebound/metrics-server with the version of nodeimage/go.mod. Its manifest is
// /kind/manifests/metrics-server.yaml of every node that was built; to others the
// cluster platform gives both.
//
// Every image that is built has the label rebound.inputs, a hash of all that it is
// made of: a changed recipe makes a new image, an unchanged one nothing. Commands and
// the base are also kept under that hash in the user's cache folder
// (rebound/provision), so that a lost Docker root costs their assembly alone. The Go
// toolchain is not part of the hash.
//
// Exit status: 0, all is there; 1, this machine cannot have it, and what to install
// was said, or a step failed and its log is named. With -if-possible what the machine
// cannot have is no failure: so `make test` goes on, and the tests that miss it are
// skipped by name. That includes an engine, a package or a Go module that could not be
// got: in a container without privileges dockerd ends, without a network apt-get fails.
// A step that fails for another reason is a failure, also beside one that could not.
//
// One run at a time is at it on a machine, whoever started it; runs on several machines,
// or in containers with networks of their own, that share one engine are not kept apart.
//
// To add an image: a folder with a Dockerfile that starts FROM ${BASE}, and a line in
// the table of images.go.
package main
