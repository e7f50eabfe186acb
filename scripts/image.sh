#!/usr/bin/env bash
# Builds connector/Dockerfile with buildah on a base made here, and runs the image under runc: read-only, as its own user,
# without capabilities. Needs root, Debian's buildah, runc and debootstrap, and the network for Debian and npm packages:
#   npm ci && sudo scripts/image.sh [DIRECTORY]
# DIRECTORY keeps the base between runs; without it, a temporary directory is used and removed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
cd "$work"
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=vfs

if [ ! -e base/usr/local/bin/node ]; then
  [ -d base/usr/bin ] || debootstrap --variant=minbase bookworm base
  # In place of the official image, which only a registry has: Debian, with the Node and npm of this checkout and machine.
  cp -r "$(npm root -g)/npm" base/usr/local/lib/npm
  ln -sf ../lib/npm/bin/npm-cli.js base/usr/local/bin/npm
  chroot base apt-get install -qy --no-install-recommends libstdc++6 ca-certificates
  cp "$root/node_modules/node/bin/node" base/usr/local/bin/node
fi

echo "== The base"
base=$(buildah from scratch)
buildah copy -q "$base" base / >/dev/null
buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$base"
buildah commit -q --rm "$base" fairlead-base >/dev/null

echo "== The image"
cache=$(npm config get cache)
mkdir -p "$cache"
buildah bud --format docker --network host --volume "$cache:/root/.npm" \
  --build-arg NODE_IMAGE=localhost/fairlead-base -f "$root/connector/Dockerfile" -t fairlead "$root"
container=$(buildah from --pull-never localhost/fairlead)
rm -rf bundle
mkdir -p bundle/state
cp -a "$(buildah mount "$container")" bundle/rootfs
buildah rm "$container" >/dev/null
echo "Image: $(du -sm bundle/rootfs | cut -f1) MB"

echo "== Under runc"
cd bundle
chown 1000:0 state
run() { # run NAME ARGS…: the program of the image with these arguments, in a read-only container
  rm -f config.json
  runc spec
  node -e '
    const fs = require("node:fs");
    const spec = JSON.parse(fs.readFileSync("config.json", "utf8"));
    const none = [];
    spec.process = { ...spec.process, terminal: false, args: process.argv.slice(1), user: { uid: 1000, gid: 0 }, cwd: "/",
      noNewPrivileges: true, env: ["PATH=/usr/local/bin:/usr/bin", "FAIRLEAD_STATE=/state", "HOME=/state"],
      capabilities: { bounding: none, effective: none, permitted: none, ambient: none } };
    spec.root = { path: "rootfs", readonly: true };
    spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "network");
    spec.mounts.push({ destination: "/state", type: "bind", source: "state", options: ["bind", "rw"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=16m"] });
    fs.writeFileSync("config.json", JSON.stringify(spec));
  ' "${@:2}"
  runc run "$1"
}
run "fairlead-version-$$" fairlead --version
run "fairlead-join-$$" node /fairlead/dist/cli/main.js connector run --state /state --site west 2>joined && exit 1
grep -q "code: token.missing" joined
echo "The image runs: it prints its version, and asks for a token."
