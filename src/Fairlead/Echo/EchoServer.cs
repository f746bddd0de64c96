using System.Net;
using System.Net.Sockets;
using System.Text;
using Fairlead.Terminal;

namespace Fairlead.Echo;

/// <summary>
/// A server that says who it is and whom it saw. HTTP: <c>/</c> answers "You've hit NAME", <c>/hostname</c> the name,
/// <c>/clientip</c> the client's address and port, <c>/headers</c> the request's head, <c>/events</c> server-sent events, <c>/healthz</c> ok; a WebSocket
/// gets its messages back with the name. TCP and UDP: "NAME CLIENT" for each line or datagram. gRPC: see <see cref="EchoGrpc"/>.
/// </summary>
internal static class EchoServer
{
    private const int LongestRequest = 16 * 1024;
    internal static readonly string HostName = System.Net.Dns.GetHostName();

    /// <summary>Serves until cancelled. Port 0 leaves a protocol out.</summary>
    public static Task RunAsync(int httpPort, int tcpPort, int udpPort, int grpcPort, TextWriter log, CancellationToken cancel)
    {
        var servers = new List<Task>();
        if (httpPort > 0) servers.Add(AcceptAsync(Listen(httpPort), (client, stop) => ServeHttpAsync(client, log, stop), cancel));
        if (tcpPort > 0) servers.Add(AcceptAsync(Listen(tcpPort), ServeLinesAsync, cancel));
        if (udpPort > 0) servers.Add(ServeDatagramsAsync(udpPort, cancel));
        if (grpcPort > 0) servers.Add(EchoGrpc.RunAsync(grpcPort, cancel));
        log.WriteLine($"{HostName} serves {string.Join(", ", Served(httpPort, tcpPort, udpPort, grpcPort))}");
        return Task.WhenAll(servers);
    }

    private static IEnumerable<string> Served(int http, int tcp, int udp, int grpc)
    {
        if (http > 0) yield return $"http on port {http}";
        if (tcp > 0) yield return $"tcp on port {tcp}";
        if (udp > 0) yield return $"udp on port {udp}";
        if (grpc > 0) yield return $"grpc on port {grpc}";
    }

    private static TcpListener Listen(int port)
    {
        var listener = new TcpListener(IPAddress.IPv6Any, port);
        listener.Server.DualMode = true;
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new UserException($"port {port} is in use; choose another");
        }
    }

    private static async Task AcceptAsync(TcpListener listener, Func<TcpClient, CancellationToken, Task> serve, CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync(cancel);
                _ = ServeOneAsync(client, serve, cancel);
            }
        }
        catch (OperationCanceledException)
        {
            listener.Stop();
        }
    }

    private static async Task ServeOneAsync(TcpClient client, Func<TcpClient, CancellationToken, Task> serve, CancellationToken cancel)
    {
        using (client)
        {
            client.NoDelay = true;
            try
            {
                await serve(client, cancel);
            }
            catch (Exception e) when (e is IOException or SocketException or OperationCanceledException)
            {
                // The client went away.
            }
        }
    }

    private static async Task ServeHttpAsync(TcpClient client, TextWriter log, CancellationToken cancel)
    {
        var peer = Show(client.Client.RemoteEndPoint!);
        await using var stream = client.GetStream();
        var buffer = new byte[LongestRequest];
        var length = 0;
        while (true)
        {
            var end = buffer.AsSpan(0, length).IndexOf("\r\n\r\n"u8);
            if (end < 0)
            {
                if (length == buffer.Length) return;
                var count = await stream.ReadAsync(buffer.AsMemory(length), cancel);
                if (count == 0) return;
                length += count;
                continue;
            }
            var head = Encoding.Latin1.GetString(buffer, 0, end);
            length -= end + 4;
            buffer.AsSpan(end + 4, length).CopyTo(buffer);
            await log.WriteLineAsync($"{peer} {FirstLine(head)}");
            if (await StreamsAsync(stream, head, cancel)) return;
            var close = head.Contains("Connection: close", StringComparison.OrdinalIgnoreCase) || head.Contains(" HTTP/1.0", StringComparison.Ordinal);
            await stream.WriteAsync(Answer(head, peer, close), cancel);
            if (close) return;
        }
    }

    /// <summary>True: the connection was a stream's, and is over.</summary>
    private static async Task<bool> StreamsAsync(NetworkStream stream, string head, CancellationToken cancel)
    {
        var words = head.Split(' ', 3);
        var target = words.Length > 1 ? words[1].Split('?', 2) : [""];
        if (Field(head, "Upgrade")?.Equals("websocket", StringComparison.OrdinalIgnoreCase) == true && Field(head, "Sec-WebSocket-Key") is { } key)
        {
            await EchoStreams.TalkAsync(stream, HostName, key, cancel);
            return true;
        }
        if (target[0] != "/events") return false;
        await EchoStreams.SendEventsAsync(stream, HostName, target.Length > 1 ? target[1] : "", cancel);
        return true;
    }

    private static string? Field(string head, string name) =>
        head.Split("\r\n").Where(line => line.Length > name.Length && line[name.Length] == ':' && line.StartsWith(name, StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 1)..].Trim()).FirstOrDefault();

    private static string FirstLine(string head) => head.Split('\r', 2)[0];

    private static byte[] Answer(string head, string peer, bool close)
    {
        var words = head.Split(' ', 3);
        var path = words.Length > 1 ? words[1].Split('?')[0] : "/";
        var body = path switch
        {
            "/hostname" => HostName,
            "/clientip" => peer,
            "/headers" => head + "\n",
            "/healthz" => "ok",
            _ => $"You've hit {HostName}\n",
        };
        var content = words[0] == "HEAD" ? "" : body;
        return Encoding.UTF8.GetBytes(
            $"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: {(close ? "close" : "keep-alive")}\r\n\r\n{content}");
    }

    private static async Task ServeLinesAsync(TcpClient client, CancellationToken cancel)
    {
        var answer = Encoding.UTF8.GetBytes($"{HostName} {Show(client.Client.RemoteEndPoint!)}\n");
        await using var stream = client.GetStream();
        using var reader = new StreamReader(stream);
        while (await reader.ReadLineAsync(cancel) is not null) await stream.WriteAsync(answer, cancel);
    }

    private static async Task ServeDatagramsAsync(int port, CancellationToken cancel)
    {
        using var socket = new UdpClient(AddressFamily.InterNetworkV6);
        socket.Client.DualMode = true;
        socket.Client.Bind(new IPEndPoint(IPAddress.IPv6Any, port));
        try
        {
            while (true)
            {
                var question = await socket.ReceiveAsync(cancel);
                await socket.SendAsync(Encoding.UTF8.GetBytes($"{HostName} {Show(question.RemoteEndPoint)}\n"), question.RemoteEndPoint, cancel);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static string Show(EndPoint peer)
    {
        var point = (IPEndPoint)peer;
        return new IPEndPoint(point.Address.IsIPv4MappedToIPv6 ? point.Address.MapToIPv4() : point.Address, point.Port).ToString();
    }
}
