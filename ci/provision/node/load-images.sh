#!/bin/sh
# Imports the images on the standard input into the containerd of a node, as kubelet
# sees them; they are unpacked where they are run.
set -eu
containerd --log-level warn >&2 &
daemon=$!
tries=0
until ctr version >/dev/null 2>&1; do
	tries=$((tries + 1))
	if [ $tries -gt 150 ] || ! kill -0 $daemon; then
		echo 'containerd does not start' >&2
		exit 1
	fi
	sleep 0.2
done
ctr --namespace k8s.io images import --no-unpack - >&2
ctr --namespace k8s.io images ls -q >&2
kill $daemon
wait $daemon || true
