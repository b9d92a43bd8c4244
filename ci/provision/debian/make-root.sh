#!/bin/sh
# make-root.sh ROOT SUITE MIRROR: makes a root that images start from. Packages, lists,
# logs and manuals that debootstrap left go; copyright files stay.
set -eu
root=$1
here=$(dirname "$0")
debootstrap --variant=minbase "$2" "$root" "$3"
cp -r "$here/files/." "$root"
cd "$root"
rm -rf var/cache/apt/archives/*.deb var/cache/apt/*.bin var/lib/apt/lists/* var/log/*
rm -rf usr/share/man/* usr/share/info/* usr/share/locale/* usr/share/lintian/*
find usr/share/doc -type f ! -name copyright -delete
