# What scripts/bench-readiness needs: a server whose readiness turns with every question, a client that looks when a service turns, and sums of metrics.
#   serve FILE                       answers /ready on port 8080 with 200 and 503 by turns, and writes down which and when; takes connections on 8081
#   watch ADDRESS FILE SECONDS       connects over and over; prints the milliseconds from each of those answers until connections turned
#   metric BEFORE AFTER              the median and other shares of what a histogram of Prometheus gained, in ms: within which bucket
import http.server, re, socket, sys, threading, time


def serve(path):
    log = open(path, "a", buffering=1)

    class Handler(http.server.BaseHTTPRequestHandler):
        ready = False

        def do_GET(self):
            if self.path == "/ready":
                Handler.ready = not Handler.ready
                self.answer(200 if Handler.ready else 503)
                log.write(f"{int(Handler.ready)} {time.time()}\n")
            else:
                self.answer(200)

        def answer(self, code):
            self.send_response(code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            self.wfile.flush()

        def log_message(self, *words):
            pass

    # Clients connect far more often than a web server of Python's takes.
    listener = socket.create_server(("", 8081), backlog=4096)

    def take():
        while True:
            listener.accept()[0].close()

    threading.Thread(target=take, daemon=True).start()
    http.server.ThreadingHTTPServer(("", 8080), Handler).serve_forever()


def watch(address, path, seconds):
    end, was, turns = time.time() + float(seconds), None, []
    while time.time() < end:
        began = time.time()
        try:
            socket.create_connection((address, 80), 0.5).close()
            now = 1
        except ConnectionRefusedError:
            now = 0
        except OSError:
            continue
        if was is not None and now != was:
            turns.append((now, began if now == 0 else time.time()))
        was = now
        time.sleep(0.0005)
    answers = [(int(state), float(at)) for state, at in (line.split() for line in open(path))]
    delays = []
    for state, at in turns:
        before = [told for kind, told in answers if kind == state and told <= at]
        if before and at - before[-1] < 0.9:
            delays.append((at - before[-1]) * 1000)
    delays.sort()
    print(f"{len(delays)} turns, {delays[len(delays) // 2]:.1f} ms median, {delays[int(len(delays) * 0.9)]:.1f} ms p90, {delays[-1]:.1f} ms at the most")


def buckets(path):
    found = {}
    for line in open(path):
        match = re.match(r'kubeproxy_network_programming_duration_seconds_bucket\{le="([^"]+)"\} (\d+)', line)
        if match:
            found[float(match[1].replace("+Inf", "inf"))] = found.get(float(match[1].replace("+Inf", "inf")), 0) + int(match[2])
    return found


def metric(before, after):
    first, last = buckets(before), buckets(after)
    gained = {bound: last[bound] - first.get(bound, 0) for bound in sorted(last)}
    total = gained[float("inf")]

    def quantile(share):
        below, low = 0, 0.0
        for bound, count in gained.items():
            if count >= share * total and count > below:
                # As Prometheus' histogram_quantile: evenly spread within its bucket.
                return f"{(low + (bound - low) * (share * total - below) / (count - below)) * 1000:.1f} ms (bucket {low * 1000:g}–{bound * 1000:g})"
            below, low = count, bound
        return "?"

    print(f"{total} changes, median {quantile(0.5)}, p90 {quantile(0.9)}, p99 {quantile(0.99)}")


{"serve": serve, "watch": watch, "metric": metric}[sys.argv[1]](*sys.argv[2:])
