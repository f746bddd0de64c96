using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Fairlead.System;

/// <summary>
/// An HTTP server that answers with its address, the head of the request that it got, and the length of its body. A request's query asks for more: status=N,
/// field=NAME:VALUE (several), wait=MILLISECONDS, and drop, which ends the connection without an answer.
/// </summary>
internal sealed class EchoingPod : IDisposable
{
    public const int Port = 8080;
    private readonly TcpListener _listener;
    private readonly X509Certificate2? _certificate;
    private int _connections;

    /// <param name="certificate">It speaks TLS.</param>
    public EchoingPod(string address, int port = Port, X509Certificate2? certificate = null)
    {
        (Address, _certificate) = (address, certificate);
        _listener = new TcpListener(IPAddress.Parse(address), port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Address { get; }

    /// <summary>Heads of requests, their lines ended by line feeds.</summary>
    public ConcurrentQueue<string> Seen { get; } = new();

    /// <summary>A plain server that ends a connection on which TLS begins; otherwise it waits for the end of a head that never comes.</summary>
    public bool EndsTls { get; init; }

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Answers in place of this server, of which it gets the head and what comes after it; the connection ends with it.</summary>
    public Func<string, StreamReader, Stream, Task>? Instead { get; set; }

    public void Dispose() => _listener.Dispose();

    /// <summary>The lines that follow the request's first.</summary>
    public static string? Field(string head, string name) => head.Split('\n').Skip(1)
        .Where(line => line.StartsWith(name + ":", StringComparison.OrdinalIgnoreCase)).Select(line => line[(name.Length + 1)..].Trim()).FirstOrDefault();

    private async Task AcceptAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        Interlocked.Increment(ref _connections);
        using (client)
        {
            try
            {
                await using var stream = await OpenAsync(client);
                using var reader = new StreamReader(stream, Encoding.Latin1, detectEncodingFromByteOrderMarks: false, 1 << 16);
                while (await ReadHeadAsync(reader) is { Length: > 0 } head)
                {
                    Seen.Enqueue(head);
                    if (Instead is { } instead)
                    {
                        await instead(head, reader, stream);
                        return;
                    }
                    if (!await AnswerAsync(head, reader, stream)) return;
                }
            }
            catch (IOException)
            {
                // The proxy went away.
            }
        }
    }

    private async Task<Stream> OpenAsync(TcpClient client)
    {
        if (_certificate is null) return client.GetStream();
        var tls = new SslStream(client.GetStream());
        await tls.AuthenticateAsServerAsync(_certificate);
        return tls;
    }

    /// <summary>Empty: there is no more.</summary>
    private async Task<string> ReadHeadAsync(StreamReader reader)
    {
        const char Handshake = '\x16';
        var first = new char[1];
        if (await reader.ReadAsync(first) == 0 || first[0] == '\r' || (EndsTls && first[0] == Handshake)) return "";
        var head = new StringBuilder().Append(first[0]);
        while (await reader.ReadLineAsync() is { Length: > 0 } line) head.Append(line).Append('\n');
        return head.ToString();
    }

    /// <summary>False: the connection ends.</summary>
    private async Task<bool> AnswerAsync(string head, StreamReader reader, Stream stream)
    {
        var asked = head.Split(' ', 3)[1].Split('?', 2) is [_, var query] ? query.Split('&') : [];
        string? Value(string name) => asked.FirstOrDefault(pair => pair.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
        if (asked.Contains("drop")) return false;
        var length = await ReadBodyAsync(head, reader);
        if (Value("wait") is { } wait) await Task.Delay(TimeSpan.FromMilliseconds(int.Parse(wait, CultureInfo.InvariantCulture)), TimeProvider.System);
        var body = $"{Address}\n{head}{(length > 0 ? $"body {length}\n" : "")}";
        var fields = string.Concat(asked.Where(pair => pair.StartsWith("field=", StringComparison.Ordinal)).Select(pair => Uri.UnescapeDataString(pair["field=".Length..]).Replace(":", ": ", StringComparison.Ordinal) + "\r\n"));
        var isBare = head.StartsWith("HEAD ", StringComparison.Ordinal);
        await stream.WriteAsync(Encoding.Latin1.GetBytes($"HTTP/1.1 {Value("status") ?? "200"} Said\r\n{fields}Content-Length: {body.Length}\r\n\r\n{(isBare ? "" : body)}"));
        return true;
    }

    /// <summary>Reads a request's body to its end; answers its length.</summary>
    public static async Task<long> ReadBodyAsync(string head, StreamReader reader)
    {
        if (Field(head, "Content-Length") is { } length) return await SkipAsync(reader, long.Parse(length, CultureInfo.InvariantCulture));
        if (Field(head, "Transfer-Encoding") is null) return 0;
        long total = 0;
        while (long.Parse(await reader.ReadLineAsync() ?? throw new IOException("the body ended"), NumberStyles.HexNumber, CultureInfo.InvariantCulture) is > 0 and var chunk)
        {
            total += await SkipAsync(reader, chunk);
            await reader.ReadLineAsync();
        }
        await reader.ReadLineAsync();
        return total;
    }

    private static async Task<long> SkipAsync(StreamReader reader, long length)
    {
        var buffer = new char[1 << 16];
        for (var left = length; left > 0;)
        {
            var count = await reader.ReadAsync(buffer.AsMemory(0, (int)Math.Min(left, buffer.Length)));
            if (count == 0) throw new IOException("the body ended");
            left -= count;
        }
        return length;
    }
}
