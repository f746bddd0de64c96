# systemd-logind, as far as a node sees it, on the bus whose socket is the first argument. It is told by lines on its input (shutdown, cancel)
# and tells by lines on its output (ready, inhibit WHO WHY MODE, reload, released). An independent reading of the D-Bus specification.
import os, select, socket, struct, sys

LOGIND, DELAY = "org.freedesktop.login1", 5_000_000
sock = socket.socket(socket.AF_UNIX)
sock.connect(sys.argv[1])
dropin = sys.argv[2]
serial, pending, locks = 0, b"", {}


def say(*words):
    print(*words, flush=True)


def pad(data, size):
    return data + b"\0" * (-len(data) % size)


def text(value):
    return struct.pack("<I", len(value.encode())) + value.encode() + b"\0"


def field(code, kind, value):
    encoded = struct.pack("<I", value) if kind == "u" else bytes([len(value)]) + value.encode() + b"\0" if kind == "g" else text(value)
    return bytes([code, 1]) + kind.encode() + b"\0" + encoded


def send(kind, fields, body=b"", descriptor=None):
    global serial
    serial += 1
    packed = b""
    for one in fields:
        packed = pad(packed, 8) + one
    head = struct.pack("<cBBBIII", b"l", kind, 0, 1, len(body), serial, len(packed))
    data = pad(head + packed, 8) + body
    socket.send_fds(sock, [data], [descriptor]) if descriptor is not None else sock.sendall(data)


def call(member, signature, body):
    bus = "org.freedesktop.DBus"
    send(1, [field(1, "o", "/org/freedesktop/DBus"), field(2, "s", bus), field(3, "s", member), field(6, "s", bus)] + ([field(8, "g", signature)] if signature else []), body)


def reply(to, signature="", body=b"", descriptor=None):
    fields = [field(5, "u", to["serial"]), field(6, "s", to[7])]
    if signature:
        fields.append(field(8, "g", signature))
    if descriptor is not None:
        fields.append(field(9, "u", 1))
    send(2, fields, body, descriptor)


def parse(data):
    length, number, fields = struct.unpack_from("<III", data, 4)
    message, at = {"kind": data[1], "serial": number, "body": data[-length:] if length else b""}, 16
    while at < 16 + fields:
        at += -at % 8
        code, kind = data[at], chr(data[at + 2])
        at += 4
        if kind == "g":
            size = data[at]
            message[code] = data[at + 1:at + 1 + size].decode()
            at += size + 2
        else:
            value, = struct.unpack_from("<I", data, at)
            at += 4
            message[code] = value if kind == "u" else data[at:at + value].decode()
            at += 0 if kind == "u" else value + 1
    return message


def strings(body):
    found, at = [], 0
    while at + 4 < len(body):
        at += -at % 4
        size, = struct.unpack_from("<I", body, at)
        if at + 5 + size > len(body):
            break
        found.append(body[at + 4:at + 4 + size].decode())
        at += 5 + size
    return found


def longest():
    try:
        words = [line.split("=") for line in open(dropin) if line.startswith("InhibitDelayMaxSec=")]
        return int(words[0][1]) * 1_000_000
    except OSError:
        return 0


def answer(message):
    global DELAY
    if message["kind"] != 1:
        return
    member, words = message[3], strings(message["body"])
    if member == "Inhibit":
        ours, theirs = os.pipe()
        locks[ours] = True
        reply(message, "h", struct.pack("<I", 0), theirs)
        os.close(theirs)
        say("inhibit", words[0], words[1], words[3])
    elif member == "Get":
        reply(message, "v", b"\1t\0" + b"\0" * 5 + struct.pack("<Q", DELAY))
    elif member == "KillUnit":
        DELAY = max(DELAY, longest())
        reply(message)
        say("reload", words[0])


def take(data):
    global pending
    pending += data
    while len(pending) >= 16:
        body, _, fields = struct.unpack_from("<III", pending, 4)
        size = 16 + fields + (-fields % 8) + body
        if len(pending) < size:
            return
        message, pending = parse(pending[:size]), pending[size:]
        answer(message)


sock.sendall(b"\0AUTH EXTERNAL " + str(os.geteuid()).encode().hex().encode() + b"\r\n")
sock.recv(256)
sock.sendall(b"NEGOTIATE_UNIX_FD\r\n")
sock.recv(256)
sock.sendall(b"BEGIN\r\n")
call("Hello", "", b"")
for name in (LOGIND, "org.freedesktop.systemd1"):
    call("RequestName", "su", pad(text(name), 4) + struct.pack("<I", 4))
say("ready")
while True:
    readable, _, _ = select.select([sock, sys.stdin, *locks], [], [])
    for one in readable:
        if one is sock:
            data = sock.recv(65536)
            if not data:
                sys.exit()
            take(data)
        elif one is sys.stdin:
            line = sys.stdin.readline()
            if not line:
                sys.exit()
            begins = struct.pack("<I", line.strip() == "shutdown")
            send(4, [field(1, "o", "/org/freedesktop/login1"), field(2, "s", LOGIND + ".Manager"), field(3, "s", "PrepareForShutdown"), field(8, "g", "b")], begins)
        elif not os.read(one, 1):
            os.close(one)
            del locks[one]
            say("released")
