# What scripts/bench-dns needs of a client: services and their zone file, and the times until they are answered.
#   fill FOLDER ADDRESS FIRST LAST   makes services through the API server
#   zone FOLDER ADDRESS LAST         writes them as a zone for knot, and the questions for dnsperf
#   first DNSPORT SERVICE         the moment at which that service's address is answered, in ns
#   update FOLDER ADDRESS DNSPORT PID   milliseconds from an API write to its answer, and the server's processor time for each
#   latency DNSPORT QUESTIONS RATE SECONDS   the 99th percentile of single questions, in µs, while dnsperf asks at that rate
import http.client, json, os, random, socket, ssl, struct, subprocess, sys, time


def api(folder, address):
    context = ssl.create_default_context(cafile=folder + "/data/pki/ca.crt")
    return http.client.HTTPSConnection(address, 18910, context=context)


def call(connection, method, path, body=None):
    connection.request(method, path, json.dumps(body) if body else None, {"Authorization": "Bearer bench", "Content-Type": "application/json"})
    response = connection.getresponse()
    data = response.read()
    assert response.status < 300, (response.status, data[:200])
    return json.loads(data)


SERVICES = "/api/v1/namespaces/default/services"


def service(name):
    return {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [{"name": "http", "port": 80}]}}


def question(name, kind):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">HHHHHH", random.randrange(65536), 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def asker(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect(("127.0.0.1", int(port)))
    s.settimeout(0.05)
    return s


def answers(s, name):
    try:
        s.send(question(name, 1))
        response = s.recv(1232)
        return response[3] & 15 == 0 and response[6:8] != b"\0\0"
    except TimeoutError:
        return False
    except ConnectionRefusedError:
        time.sleep(0.001)
        return False


def until(s, name):
    end = time.monotonic() + 20
    while not answers(s, name):
        assert time.monotonic() < end, name + " is not answered"


def fill(folder, address, first, last):
    connection = api(folder, address)
    for i in range(int(first), int(last) + 1):
        call(connection, "POST", SERVICES, service(f"s{i}"))


def zone(folder, address, last):
    items = call(api(folder, address), "GET", SERVICES)["items"]
    with open(folder + "/zone", "w") as out:
        out.write("$ORIGIN cluster.local.\n$TTL 5\n@ SOA ns.dns hostmaster 1 7200 1800 86400 5\n@ NS ns.dns\nns.dns A 10.96.0.10\n")
        for item in items:
            name, address = item["metadata"]["name"] + ".default.svc", item["spec"]["clusterIP"]
            out.write(f"{name} A {address}\n_http._tcp.{name} SRV 0 100 80 {name}\n")
    draw = random.Random(1)
    with open(folder + "/questions", "w") as out:
        for _ in range(200_000):
            name, kind = f"s{draw.randint(1, int(last))}.default.svc.cluster.local", draw.random()
            out.write(f"{name} A\n" if kind < 0.7 else f"{name} AAAA\n" if kind < 0.8 else f"_http._tcp.{name} SRV\n" if kind < 0.9 else f"no-{name} A\n")


def first(port, last):
    until(asker(port), f"s{last}.default.svc.cluster.local")
    print(time.time_ns())


def ticks(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def update(folder, address, dns, pid):
    connection, s, times = api(folder, address), asker(dns), []
    for i in range(101):
        started = time.monotonic()
        call(connection, "POST", SERVICES, service(f"new{i}"))
        until(s, f"new{i}.default.svc.cluster.local")
        times.append((time.monotonic() - started) * 1000)
    # Without questions in between, so that the time is the updates' alone.
    before = ticks(pid)
    for i in range(101):
        call(connection, "DELETE", f"{SERVICES}/new{i}")
    for i in range(500):
        call(connection, "POST", SERVICES, service(f"more{i}"))
    until(s, "more499.default.svc.cluster.local")
    spent = ticks(pid) - before
    for i in range(500):
        call(connection, "DELETE", f"{SERVICES}/more{i}")
    times.sort()
    print(f"{times[50]:.1f} ms median, {times[-2]:.1f} ms p99, {spent / 601 * 1e6:.0f} µs of processor time each")


def latency(port, questions, rate, seconds):
    names = [line.split() for line in open(questions).read().splitlines()[:5000]]
    kinds = {"A": 1, "AAAA": 28, "SRV": 33}
    load = subprocess.Popen(
        ["taskset", "-c", "1", "dnsperf", "-s", "127.0.0.1", "-p", port, "-d", questions, "-l", str(int(seconds) + 1), "-T", "1", "-c", "8", "-q", "5000", "-Q", rate],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    s, times, end = asker(port), [], time.monotonic() + int(seconds)
    time.sleep(0.5)
    while time.monotonic() < end:
        name, kind = random.choice(names)
        sent = question(name, kinds[kind])
        started = time.perf_counter_ns()
        s.send(sent)
        try:
            s.recv(1232)
        except TimeoutError:
            pass
        times.append(time.perf_counter_ns() - started)
        time.sleep(0.0005)
    load.wait()
    times.sort()
    print(times[len(times) * 99 // 100] // 1000)


globals()[sys.argv[1]](*sys.argv[2:])
