# shellcheck shell=bash
# One way to build and run images, with docker where its engine answers, else with buildah, podman and runc as root.
# Sourced by tests/container/run.

BASE_IMAGE=docker.io/library/debian:bookworm-slim
export STORAGE_DRIVER=overlay

# Says why no container can run here and ends the test as skipped.
skip() {
  echo "container test skipped: $*"
  exit 77
}

choose_engine() {
  if docker info >/dev/null 2>&1; then
    engine=docker
    return
  fi
  engine=podman
  ((EUID == 0)) || skip "no docker engine, and podman needs root here"
  unshare --mount --pid --fork true 2>/dev/null || skip "this machine lets nobody make namespaces"
  can_mount_overlay || skip "overlay file systems cannot be mounted here"
  scripts/install-packages container
}

can_mount_overlay() {
  local folder result=0
  folder=$(mktemp -d /var/tmp/overlay.XXXXXX)
  mkdir "$folder"/{lower,upper,work,merged}
  # In a mount namespace of its own, so that nothing stays mounted.
  unshare --mount mount -t overlay overlay \
    -o "lowerdir=$folder/lower,upperdir=$folder/upper,workdir=$folder/work" "$folder/merged" 2>/dev/null || result=1
  rm -rf "$folder"
  return $result
}

# The base image comes from its registry, or, where that is out of reach, from the package mirror.
provide_base_image() {
  podman image exists "$BASE_IMAGE" && return
  timeout 60 podman pull -q "$BASE_IMAGE" >/dev/null 2>&1 && return
  echo "the registry is out of reach: making the base image with debootstrap"
  local folder container
  folder=$(mktemp -d /var/tmp/base-image.XXXXXX)
  debootstrap --variant=minbase bookworm "$folder" >"$folder.log" || { tail -5 "$folder.log" >&2; return 1; }
  # The official slim image leaves these out too.
  rm -rf "$folder"/var/cache/apt/archives/*.deb "$folder"/var/lib/apt/lists/* "$folder"/usr/share/{doc,man,locale}
  container=$(buildah from scratch)
  cp -a "$folder/." "$(buildah mount "$container")/"
  buildah umount "$container" >/dev/null
  buildah commit -q --rm "$container" "$BASE_IMAGE" >/dev/null
  rm -rf "$folder" "$folder.log"
}

build_image() {
  if [[ $engine == docker ]]; then
    docker build -q -t "$1" .
    return
  fi
  provide_base_image
  # The compiler's cache is shared with the build, which then takes seconds after a build of the same sources here.
  local cache
  cache=$(ccache --get-config cache_dir 2>/dev/null || echo /var/cache/cowslip-ccache)
  mkdir -p "$cache"
  # Docker's image format, because OCI's has no HEALTHCHECK.
  buildah bud --format docker --isolation chroot --network host --pull-never --layers \
    --build-arg COWSLIP_WERROR="${COWSLIP_WERROR:-OFF}" --volume "$cache:/root/.cache/ccache" -t "$1" .
}

# container run|exec|inspect|... as docker takes them.
container() {
  if [[ $engine == docker ]]; then
    docker "$@"
  else
    # Without systemd podman runs no health check by itself, and says so with every command; the test runs them.
    podman --cgroup-manager cgroupfs --runtime runc "$@" 2> >(grep -v 'systemd connection' >&2)
  fi
}

# start NAME [engine's options] -- [server's arguments]: in the background, on the host's network.
start() {
  local name=$1 options=(--detach --network host)
  shift
  while (($#)) && [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  # Without the limits runc asks for more than a root without CAP_SYS_RESOURCE may give.
  [[ $engine == docker ]] || options+=(--pull never --ulimit nofile=1024:1024 --ulimit nproc=1000:1000)
  started+=("$name")
  container run --name "$name" "${options[@]}" "$image" "$@" >/dev/null
}

health() {
  if [[ $engine == podman ]]; then
    container healthcheck run "$1"
  else
    for ((i = 0; i < 60; i++)); do
      [[ $(docker inspect --format '{{.State.Health.Status}}' "$1") != healthy ]] || return 0
      sleep 0.5
    done
    return 1
  fi
}
