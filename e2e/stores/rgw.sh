#!/bin/bash
# Starts a Ceph RGW: one monitor, one OSD in memory, one gateway. It prints "ready" and runs until standard
# input ends, so that it ends with the test.
# usage: rgw.sh FOLDER PORT MONITOR_PORT MONITOR_PORT_V1 ACCESS_KEY SECRET_KEY DOMAIN
set -eu
mkdir -p "$1" && dir=$(cd "$1" && pwd)
port=$2 mon="[v2:127.0.0.1:$3,v1:127.0.0.1:$4]" access=$5 secret=$6 domain=$7
mkdir -p "$dir"/{mon,osd0,run,rgw}
fsid=$(cat /proc/sys/kernel/random/uuid)
osd=$(cat /proc/sys/kernel/random/uuid)
conf=$dir/ceph.conf
cat >"$conf" <<X
[global]
fsid = $fsid
mon_initial_members = a
mon_host = $mon
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = 1073741824
ms_bind_ipv6 = false
# the gateway's default, secure, fails without authentication
ms_mon_client_mode = crc
run_dir = $dir/run
admin_socket = $dir/run/\$cluster-\$name.asok
log_file = $dir/\$name.log
mon_data = $dir/mon
osd_data = $dir/osd0
[client.rgw]
rgw_frontends = beast endpoint=127.0.0.1:$port
rgw_data = $dir/rgw
rgw_dns_name = $domain
X
pids=()
trap 'exec 2>/dev/null; kill -9 "${pids[@]}" || true; wait' EXIT # its data is in memory: nothing to save
start() {
	name=$1
	shift
	"$@" >"$dir/$name.out" 2>&1 </dev/null &
	pids=("$!" "${pids[@]}")
}
wait_for() {
	for _ in $(seq 300); do
		"$@" >/dev/null 2>&1 && return 0
		sleep .1
	done
	echo "gave up waiting for: $*" >&2
	tail -n 5 "$dir"/*.out >&2
	return 1
}
monmaptool --create --fsid "$fsid" --addv a "$mon" "$dir/monmap" >/dev/null 2>&1
ceph-mon -c "$conf" --mkfs -i a --monmap "$dir/monmap"
start mon ceph-mon -c "$conf" -i a -f
wait_for timeout 5 ceph -c "$conf" mon stat
timeout 20 ceph -c "$conf" osd new "$osd" >/dev/null
ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd" 2>/dev/null
start osd ceph-osd -c "$conf" -i 0 -f
wait_for sh -c "timeout 5 ceph -c '$conf' osd stat | grep -q '1 up'"
start rgw radosgw -c "$conf" -n client.rgw -f
wait_for curl -sf -m 2 "http://127.0.0.1:$port/"
radosgw-admin -c "$conf" user create --uid lab --display-name lab --access-key "$access" --secret "$secret" >/dev/null
echo ready
cat >/dev/null
