#!/bin/sh
# Writes as a tar what kube-proxy needs beside its binary: nft, conntrack and iptables
# with the libraries and modules that these load. Links are followed, so that no
# folder has to be one.
set -eu
{
	for t in nft conntrack iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
		f=$(command -v "$t")
		echo "$f"
		ldd "$f" | grep -o '/[^ ]*'
	done
	find /usr/lib/*/xtables -name 'libxt_*' -o -name 'libipt_*' -o -name 'libip6t_*'
	printf '%s\n' /etc/passwd /etc/group /etc/nsswitch.conf
} | sort -u | tar --create --dereference --sort=name --mtime=@0 --files-from=- 2>/dev/null
