#!/bin/bash
# Records ../tls-*.pcapng and ../quic-*.pcapng anew, their secrets inside: `unshare -n ./record-secure.sh` as root, with
# dumpcap, editcap, openssl, curl, node, and a python3 that has `aioquic` (PYTHON names it).
set -e
cd "$(dirname "$0")"
python=${PYTHON:-python3}
temporary=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -r $temporary' EXIT
ip link add va type veth peer name vb
ip link set lo up
unshare -n sleep 120 & there=$!
sleep 0.3
ip link set dev vb netns $there
far="nsenter -t $there -n"
python3 offload.py va; $far python3 offload.py vb
ip addr add 10.9.0.1/24 dev va; ip link set va up
$far ip addr add 10.9.0.2/24 dev vb; $far ip link set vb up; $far ip link set lo up
sleep 1.5
key=$temporary/key.pem certificate=$temporary/certificate.pem log=$temporary/keys
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $key -out $certificate -days 9 -subj /CN=quic.test \
    -addext subjectAltName=DNS:quic.test 2>/dev/null

begin() { : >$log; dumpcap -q -i va -f "$2" -w "$temporary/$1" >/dev/null 2>&1 & capture=$!; name=$1; sleep 1.2; }
end() {
    sleep 0.8; kill -INT $capture; wait $capture || true
    editcap -F nsecpcap "$temporary/$name" "$temporary/plain"
    editcap -F pcapng --inject-secrets tls,$log "$temporary/plain" "../$name"
}

$far openssl s_server -accept 10.9.0.2:443 -key $key -cert $certificate -www -tls1_3 -quiet >/dev/null 2>&1 & first=$!
$far openssl s_server -accept 10.9.0.2:444 -key $key -cert $certificate -rev -tls1_3 -quiet >/dev/null 2>&1 & second=$!
$far openssl s_server -accept 10.9.0.2:445 -key $key -cert $certificate -www -tls1_3 -Verify 1 -quiet >/dev/null 2>&1 & fourth=$!
$far node tls_server.js $key $certificate & third=$!
sleep 1
client() { openssl s_client -servername quic.test -keylogfile $log -quiet -no_ign_eof "$@" >/dev/null 2>&1 || true; }

begin tls-openssl.pcapng tcp
for suite in TLS_AES_128_GCM_SHA256 TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256; do
    (printf 'GET /%s HTTP/1.0\r\nHost: quic.test\r\n\r\n' $suite; sleep 0.4) | client -connect 10.9.0.2:443 -ciphersuites $suite -alpn http/1.1,h2
done
# New keys in both directions, then in one.
(echo hello; sleep 0.3; echo K; sleep 0.3; echo again; sleep 0.3; echo k; sleep 0.3; echo once more; sleep 0.3) |
    openssl s_client -connect 10.9.0.2:444 -servername quic.test -keylogfile $log >/dev/null 2>&1 || true
# Resumed, with a group that the server did not get a key share of; then refused.
(sleep 0.4) | client -connect 10.9.0.2:444 -sess_out $temporary/session
(echo back; sleep 0.4) | client -connect 10.9.0.2:444 -sess_in $temporary/session
(sleep 0.3) | client -connect 10.9.0.2:445
(sleep 0.3) | client -connect 10.9.0.2:444 -tls1_2
end

begin tls-http.pcapng tcp
get() { SSLKEYLOGFILE=$log curl -sk --resolve quic.test:8443:10.9.0.2 -o /dev/null "$@" || true; }
get https://quic.test:8443/a -o /dev/null https://quic.test:8443/long
get --http1.1 https://quic.test:8443/one -o /dev/null https://quic.test:8443/long
get --tlsv1.3 -d @$0 https://quic.test:8443/up
end
kill $first $second $third $fourth

$far $python http3_server.py $certificate $key & server=$!
sleep 1
begin quic-http3.pcapng udp
$python http3_client.py $log http3 early aes256 chacha || true
end
begin quic-bare.pcapng udp
$python http3_client.py $log bare negotiate || true
end
kill $server
$far $python http3_server.py $certificate $key retry & server=$!
sleep 1
begin quic-retry.pcapng udp
$python http3_client.py $log chacha || true
end
