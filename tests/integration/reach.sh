# Run in a network namespace of its own, where this machine has three addresses: a server at 10.9.0.1, a stranger at 10.9.0.2 and
# a proxy at 10.9.0.3. Prints one line for each question. PLIMSOLL is the executable, the directory an empty one.
set -eu
ip link set lo up
for n in 1 2 3; do ip address add 10.9.0.$n/32 dev lo; done
token=plm_0123456789abcdef0123456789abcdef

certificate() {
    openssl req -x509 -newkey ed25519 -nodes -days 2 -subj /CN=plimsoll.test -addext subjectAltName=DNS:plimsoll.test \
        -keyout tls.key -out tls.pem 2>/dev/null
}
# The status of a request, from an address, with further flags of curl; 000 where nobody answers.
ask() {
    name=$1 from=$2
    shift 2
    status=$(curl --silent --max-time 10 --interface "$from" --resolve plimsoll.test:8443:10.9.0.1 \
        --output body --write-out '%{http_code}' "$@" || true)
    echo "$name: $status"
}
start() {
    "$PLIMSOLL" serve --config "$1" --data data 2>>stderr.log &
    server=$!
    for _ in $(seq 600); do
        if "$PLIMSOLL" health --ready --config "$1" >/dev/null 2>&1; then return; fi
        if ! kill -0 $server 2>/dev/null; then break; fi
        sleep 0.1
    done
    "$PLIMSOLL" health --ready --config "$1"
}
stop() {
    kill $server
    wait $server || true
}
tokens() {
    printf '[[tokens]]\nname = "a"\nsecret = "file:token"\nscopes = ["read", "sql"]\n'
    printf '[[postgres.users]]\nname = "a"\npassword = "file:token"\nscopes = ["read"]\n'
}

printf %s $token >token
certificate
{
    printf '[http]\nlisten = "10.9.0.1:8443"\ntls_certificate = "tls.pem"\ntls_key = "tls.key"\nhosts = ["plimsoll.test"]\n'
    tokens
} >tls.toml
start tls.toml
page=https://plimsoll.test:8443/
ask "no token" 10.9.0.2 --cacert tls.pem $page
ask "token" 10.9.0.2 --cacert tls.pem --header "Authorization: Bearer $token" $page
ask "another name" 10.9.0.2 --cacert tls.pem --header "Host: evil.example" $page
ask "without TLS" 10.9.0.2 http://plimsoll.test:8443/
grep -o 'ask for https://' body
cp tls.pem old.pem
sleep 1
certificate
sleep 6
ask "renewed" 10.9.0.2 --cacert tls.pem --header "Authorization: Bearer $token" $page
ask "the old certificate" 10.9.0.2 --cacert old.pem $page
stop

{
    printf '[http]\nlisten = "10.9.0.1:8443"\ntrusted_proxies = ["10.9.0.3"]\nhosts = ["plimsoll.test"]\n'
    printf '[postgres]\nlisten = "10.9.0.1:5433"\ntrusted_proxies = ["10.9.0.3"]\n'
    tokens
} >proxy.toml
start proxy.toml
page=http://plimsoll.test:8443/
ask "past the proxy" 10.9.0.2 --header "Authorization: Bearer $token" --header "X-Forwarded-For: 127.0.0.1" $page
ask "the proxy without a token" 10.9.0.3 $page
ask "the proxy with one" 10.9.0.3 --header "Authorization: Bearer $token" $page
# A connection that is closed ends at once, one that is talked to lasts.
sql() { timeout 3 python3 -c "
import socket
port = socket.create_connection(('10.9.0.1', 5433), 3, ('$1', 0))
port.settimeout(1)
port.sendall(bytes([0, 0, 0, 8, 4, 210, 22, 47]))
try:
    print('$2: answered' if port.recv(1) else '$2: closed')
except ConnectionResetError:
    print('$2: closed')
"; }
sql 10.9.0.2 "SQL past the proxy"
sql 10.9.0.3 "SQL of the proxy"
stop
