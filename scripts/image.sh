#!/usr/bin/env bash
# Builds connector/Dockerfile with buildah on a base made here, and runs the image under runc: read-only, as its own user,
# without capabilities. There it joins an edge of this machine, serves a request and drains.
# Needs root, Debian's buildah, runc, curl and debootstrap, and the network for Debian and npm packages:
#   npm ci && sudo scripts/image.sh [DIRECTORY]
# DIRECTORY keeps the base between runs; without it, a temporary directory is used and removed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-$(mktemp -d)}
[ $# -gt 0 ] || trap 'rm -rf "$work"' EXIT
for tool in buildah runc debootstrap curl; do command -v "$tool" >/dev/null || { echo "$tool is missing." >&2; exit 1; }; done
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
# Writes the configuration of a read-only container that runs a program of the image as user 1000, with these variables
# and one file: spec ENVIRONMENT FILE ARGS…
spec() {
  rm -f config.json
  runc spec
  node -e '
    const fs = require("node:fs");
    const [environment, file, ...args] = process.argv.slice(1);
    const spec = JSON.parse(fs.readFileSync("config.json", "utf8"));
    const none = [];
    const env = ["PATH=/usr/local/bin:/usr/bin", "NODE_COMPILE_CACHE=/fairlead/compiled", "FAIRLEAD_STATE=/state", "HOME=/state", "FAIRLEAD_DRAIN=5s", "FAIRLEAD_METRICS=*:9464"];
    spec.process = { ...spec.process, terminal: false, args, user: { uid: 1000, gid: 0 }, cwd: "/",
      noNewPrivileges: true, env: [...env, ...(environment === "" ? none : [environment])],
      capabilities: { bounding: none, effective: none, permitted: none, ambient: none } };
    spec.root = { path: "rootfs", readonly: true };
    spec.linux.namespaces = spec.linux.namespaces.filter(({ type }) => type !== "network");
    spec.mounts.push({ destination: "/state", type: "bind", source: "state", options: ["bind", "rw"] },
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["size=16m"] });
    if (file !== "") spec.mounts.push({ destination: "/token.yaml", type: "bind", source: file, options: ["bind", "ro"] });
    fs.writeFileSync("config.json", JSON.stringify(spec));
  ' "$@"
}
until_true() { # until_true WHAT COMMAND…: waits until the command succeeds
  for _ in $(seq 240); do if "${@:2}" >/dev/null 2>&1; then return; fi; sleep 0.5; done
  echo "Not within two minutes: $1" >&2
  exit 1
}
spec "" "" fairlead --version
runc run "fairlead-version-$$"
spec NODE_DEBUG_NATIVE=COMPILE_CACHE "" fairlead --version
runc run "fairlead-compiled-$$" 2>&1 | grep "was accepted" >/dev/null
entry=(node /fairlead/dist/cli/main.js connector run --state /state)
spec "" "" "${entry[@]}" --site west
runc run "fairlead-join-$$" 2>joined && exit 1
grep -q "code: token.missing" joined
echo "The image runs: it prints its version, takes the compiled code, and asks for a token."

echo "== An edge and the site east, outside of the container"
PATH=$root/node_modules/node/bin:$PATH
export HOME=$PWD/home FAIRLEAD_CONFIG=$PWD/home/login.json
rm -rf home edge east state-* *.yaml
mkdir home
fairlead() { node "$root/bin/fairlead.js" "$@"; }
started=()
end() {
  for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
  wait || true
  [ -n "${kept:-}" ] || rm -rf "$work"
}
kept=${1:-}
trap end EXIT
node "$root/bin/fairlead.js" edge start --state edge --api 127.0.0.1:0 --gateway 127.0.0.1:0 >edge.log 2>&1 &
started+=($!)
until_true "The edge runs." grep -q "network create" edge.log
fairlead network create shop >/dev/null
fairlead token create --uses 9 --expiry 1h -o token.yaml >/dev/null
# Answers at once, except for /slow.
node -e '
  require("node:http").createServer((request, response) => {
    if (request.url !== "/slow") return void response.end("served by east\n");
    response.write("first\n");
    setTimeout(() => response.end("last\n"), 2000);
  }).listen(0, "127.0.0.1", function () { console.log(this.address().port); });
' >target.log &
started+=($!)
until_true "The target listens." grep -q . target.log
node "$root/bin/fairlead.js" connector run --site east --state east --token token.yaml --bind 127.29.0.1 \
  --expose "api=127.0.0.1:$(cat target.log)/http" --json >east.log &
started+=($!)
until_true "East is up." grep -q '"to":"up"' east.log

# Joins in the container, serves a request, passes the health check, and drains at SIGTERM: serve NAME ENVIRONMENT FILE ARGS…
serve() {
  local name="fairlead-$1-$$" began
  rm -rf state
  install -d -o 1000 -g 0 -m 770 state
  spec "$2" "$3" "${entry[@]}" --site "$1" --bind 127.29.0.2 --json "${@:4}"
  runc run "$name" >"$1.log" 2>&1 &
  local running=$!
  until_true "The listener of $1 listens." grep -q '"address":"127.29.0.2:[0-9]*","msg":"The listener is listening' "$1.log"
  local url
  url=http://$(grep -o '127\.29\.0\.2:[0-9]*' "$1.log" | head -1)
  until_true "East answers $1." curl --silent --fail --max-time 10 "$url/"
  runc exec "$name" fairlead status --state /state >health.log
  curl --silent --no-buffer --max-time 30 "$url/slow" >slow.log &
  local slow=$!
  until_true "The slow answer begins." grep -q first slow.log
  began=$(date +%s%N)
  runc kill "$name" TERM
  wait "$running"
  began=$((($(date +%s%N) - began) / 1000000))
  wait "$slow"
  grep -q last slow.log
  [ "$began" -lt 10000 ]
  echo "$1: joined, served a request, is healthy, and ended $began ms after SIGTERM, when its open answer was complete."
}
serve by-variable "FAIRLEAD_TOKEN=$(cat token.yaml)" ""
own() { cp token.yaml "$1"; chown "$2" "$1"; chmod "$3" "$1"; }
own of-group.yaml 0:0 0440
own of-others.yaml 4242:4242 0444
own of-root.yaml 0:0 0400
serve by-file-of-root-and-its-group "" "$PWD/of-group.yaml" --token /token.yaml
serve by-file-of-another-user "" "$PWD/of-others.yaml" --token /token.yaml
rm -rf state
install -d -o 1000 -g 0 -m 770 state
spec "" "$PWD/of-root.yaml" "${entry[@]}" --site north --token /token.yaml
runc run "fairlead-north-$$" 2>refused && exit 1
cat refused
grep -q "EACCES" refused
echo "A file that root alone can read is refused."
