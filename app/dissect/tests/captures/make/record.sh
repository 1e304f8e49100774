#!/bin/bash
# Records ../*.pcapng anew, or only those named: `unshare -n ./record.sh [http websocket http2 grpc]` as root, with dumpcap, curl, node,
# nghttp, and a python3 that has `websockets`, `h2`, `grpcio` and `grpcio-tools`.
set -e
cd "$(dirname "$0")"
temporary=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -r $temporary' EXIT
ip link add va type veth peer name vb
ip link set lo up
unshare -n sleep 90 & there=$!
sleep 0.3
ip link set dev vb netns $there
far="nsenter -t $there -n"
python3 offload.py va; $far python3 offload.py vb
ip addr add 10.9.0.1/24 dev va; ip link set va up
$far ip addr add 10.9.0.2/24 dev vb; $far ip link set vb up; $far ip link set lo up
sleep 1.5

begin() { dumpcap -q -i va -f tcp -w "$temporary/$1" >/dev/null 2>&1 & capture=$!; name=$1; sleep 1.2; }
# By way of pcap, which forgets the machine it was recorded on.
end() {
    sleep 0.8; kill -INT $capture; wait $capture || true
    editcap -F nsecpcap "$temporary/$name" "$temporary/plain"; editcap -F pcapng "$temporary/plain" "../$name"
}
get() { curl -s -o /dev/null "$@" || true; }
raw() { python3 -c '
import socket, sys, time
with socket.create_connection(("10.9.0.2", 8080)) as peer:
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for part in sys.argv[1:]:
        peer.sendall(part.encode().decode("unicode_escape").encode()); time.sleep(0.03)
    while peer.recv(4096): pass' "$@"; }

wanted() { [[ " ${all[*]} " = *" $1 "* ]]; }
all=("$@"); [ $# -gt 0 ] || all=(http websocket http2 grpc)

if wanted http; then
www=$temporary/www; mkdir $www
echo 'hello from a file' > $www/a.txt; head -c 5000 /dev/zero | tr '\0' 'z' > $www/b.txt
(cd $www; exec $far python3 -m http.server --protocol HTTP/1.1 --bind 10.9.0.2 80 >/dev/null 2>&1) & first=$!
(cd $www; exec $far python3 -m http.server --bind 10.9.0.2 8000 >/dev/null 2>&1) & second=$!
$far node server.js & third=$!
sleep 1

u=http://10.9.0.2
begin http-python.pcapng
curl -s $u/a.txt $u/b.txt $u/missing -o /dev/null -o /dev/null -o /dev/null
get -I $u/a.txt
get $u/
get -z 2030-01-01 $u/a.txt
get -X POST -d 'a=1&b=2' $u/a.txt
get $u:8000/a.txt
get --http1.0 $u:8000/b.txt
end

u=http://10.9.0.2:8080
begin http-node.pcapng
curl -s $u/chunked $u/gzip $u/gzip-length $u/json --compressed -o /dev/null -o /dev/null -o /dev/null -o /dev/null
get $u/early
get -L -b k=v -c $temporary/jar $u/go
get $u/none
get $u/close
get -u aladdin:opensesame -H 'Accept: text/html;q=0.8, */*' -H 'Accept-Language: zh-CN,zh;q=0.9' -H 'X-Own: one' \
    -H 'X-Forwarded-For: 192.0.2.7' -H 'Cache-Control: no-cache' -e http://x.test/ "$u/path/to?x=1&y=%E4%BD%A0"
get $u/secret
get -x $u -U me:secret http://elsewhere.test/proxy
get -r 0-4 $u/part
get -H 'Content-Type: application/json' -d '{"name":"小明","age":9}' $u/made
get -F f=@$www/a.txt -F n=7 $u/form
get -H 'Expect: 100-continue' -T $www/b.txt $u/put
cat $www/b.txt $www/a.txt | get -H 'Transfer-Encoding: chunked' -X POST -T - $u/up
get -X OPTIONS -H 'Origin: http://a.test' -H 'Access-Control-Request-Method: PUT' $u/o
get -X DELETE $u/d
get -X PATCH -d '{}' $u/p
get --http1.0 $u/json
host='Host: here\r\n'
raw "GET /json HTTP/1.1\r\n$host\r\nGET /none HTTP/1.1\r\n$host\r\nGET /chunked HTTP/1.1\r\n${host}Connection: close\r\n\r\n"
raw 'GE' 'T /json HT' 'TP/1.1\r' "\n${host}Conn" 'ection: close\r\n\r' '\n'
raw "POST /up HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n" '5;note=x\r\nhel' 'lo\r' '\n0' '\r\nA: b\r\n\r\n'
end
kill $first $second $third
fi

if wanted websocket; then
$far python3 websocket_server.py & server=$!
sleep 1.5
begin websocket-python.pcapng
python3 websocket_client.py
end
kill $server
fi

if wanted http2; then
$far node http2_server.js & first=$!
$far python3 http2_server.py & second=$!
$far python3 http2_frames.py server & third=$!
sleep 1.5
begin http2-curl.pcapng
u=http://10.9.0.2:8080
get --http2-prior-knowledge $u/json $u/trailers $u/missing $u/cookies -o /dev/null -o /dev/null -o /dev/null
get --http2-prior-knowledge -A 'agent' -b k=v -d '{"name":"小明"}' -H 'content-type: application/json' "$u/made?x=1"
get --http2-prior-knowledge -Z $u/large $u/json -o /dev/null
get --http2-prior-knowledge $u/headers
get --http2-prior-knowledge $u/refuse
get --http2-prior-knowledge $u/ping
get --http2-prior-knowledge $u/goaway
head -c 30000 /dev/zero | tr '\0' 'u' | get --http2-prior-knowledge -T - $u/up
get --http2 http://10.9.0.2:8001/upgraded
end
begin http2-nghttp.pcapng
nghttp -n http://10.9.0.2:8000/push
nghttp -n -b 6 http://10.9.0.2:8000/padded
nghttp -n -u http://10.9.0.2:8001/upgraded
nghttp -n -H 'x-own: one' -w 20 -W 20 -p 10 $u/large $u/json
h2load -n 6 -c 2 -m 3 $u/json >/dev/null
end
begin http2-frames.pcapng
python3 http2_frames.py client
end
kill $first $second $third 2>/dev/null || true
fi

if wanted grpc; then
python3 -m grpc_tools.protoc -I. --python_out=$temporary --grpc_python_out=$temporary --descriptor_set_out=../greeter.binpb greeter.proto
export PYTHONPATH=$temporary
$far python3 grpc_greeter.py server & server=$!
sleep 2
begin grpc-python.pcapng
python3 grpc_greeter.py client
end
kill $server
fi
