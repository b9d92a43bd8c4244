#!/bin/sh
# make-root.sh ROOT SUITE MIRROR: makes a root that images start from. Packages, lists,
# logs and manuals that debootstrap left go; copyright files stay.
set -eu
root=$1
here=$(dirname "$0")
debootstrap --variant=minbase "$2" "$root" "$3"
cp -r --no-preserve=mode "$here/files/." "$root" # a checkout may be its owner's alone
chmod 755 "$root/usr/sbin/policy-rc.d"
cd "$root"
rm -rf var/cache/apt/archives/*.deb var/cache/apt/*.bin var/lib/apt/lists/* var/log/*
rm -rf usr/share/man/* usr/share/info/* usr/share/locale/* usr/share/lintian/*
find usr/share/doc -type f ! -name copyright -delete
