using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Fairlead.Doctor.Snapshot;
using Fairlead.Linux.Namespaces;

namespace Fairlead.Doctor.Observe;

/// <summary>Single exchanges out of a network namespace, each with its time and a second of patience.</summary>
internal sealed class Exchange(TimeProvider time)
{
    private const int Attempts = 2;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Asks for the IPv4 addresses of a full name; asks twice before it calls the server silent.</summary>
    internal async Task<DnsAnswer> AskAsync(string ns, IPEndPoint server, string name, CancellationToken cancel)
    {
        var start = time.GetTimestamp();
        using var opened = NetworkNamespace.Open(ns);
        using var socket = opened.CreateSocket(server.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        var buffer = new byte[4096];
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            var id = (ushort)Random.Shared.Next(ushort.MaxValue);
            using var patience = new CancellationTokenSource(Patience, time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
            try
            {
                var sent = time.GetTimestamp();
                await socket.ConnectAsync(server, either.Token);
                await socket.SendAsync(DnsMessage.Question(id, name), either.Token);
                while (true)
                {
                    var length = await socket.ReceiveAsync(buffer, either.Token);
                    if (DnsMessage.Read(buffer.AsSpan(0, length), id, name, time.GetElapsedTime(sent)) is { } answer) return answer;
                }
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
            {
                // Once more.
            }
            catch (SocketException e)
            {
                return new DnsAnswer(name, DnsOutcome.Silent, e.SocketErrorCode.ToString(), [], null, time.GetElapsedTime(start));
            }
        }
        return new DnsAnswer(name, DnsOutcome.Silent, "no answer", [], null, time.GetElapsedTime(start));
    }

    /// <param name="ns">Null: this machine's own namespace.</param>
    internal async Task<(ConnectOutcome Outcome, TimeSpan Took)> ConnectAsync(string? ns, IPEndPoint to, CancellationToken cancel)
    {
        using var opened = Open(ns);
        using var patience = new CancellationTokenSource(Patience, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancel);
        var start = time.GetTimestamp();
        try
        {
            using var socket = await opened.ConnectTcpAsync(to, either.Token);
            return (ConnectOutcome.Connected, time.GetElapsedTime(start));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (ConnectOutcome.Silent, time.GetElapsedTime(start));
        }
        catch (SocketException e)
        {
            return (e.SocketErrorCode == SocketError.ConnectionRefused ? ConnectOutcome.Refused : ConnectOutcome.Unreachable, time.GetElapsedTime(start));
        }
    }

    /// <param name="ns">Null: this machine's own namespace.</param>
    internal async Task<HttpSeen> GetAsync(string from, string? ns, string url, string? host, CancellationToken cancel)
    {
        using var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            ConnectCallback = async (context, stop) =>
            {
                var target = new IPEndPoint(IPAddress.Parse(context.DnsEndPoint.Host), context.DnsEndPoint.Port);
                using var opened = Open(ns);
                return new NetworkStream(await opened.ConnectTcpAsync(target, stop), ownsSocket: true);
            },
        };
        using var client = new HttpClient(handler) { Timeout = Patience };
        using var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("fairlead-doctor", null));
        if (host is not null) request.Headers.Host = host;
        var start = time.GetTimestamp();
        try
        {
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
            return new HttpSeen(from, url, host ?? "", (int)response.StatusCode, null, time.GetElapsedTime(start));
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return new HttpSeen(from, url, host ?? "", null, "no answer within a second", time.GetElapsedTime(start));
        }
        catch (HttpRequestException e)
        {
            return new HttpSeen(from, url, host ?? "", null, (e.InnerException ?? e).Message, time.GetElapsedTime(start));
        }
    }

    /// <summary>This machine's own address on the way to another; null: there is no way. Nothing is sent.</summary>
    internal static IPAddress? SourceTo(IPAddress to)
    {
        using var socket = new Socket(to.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Connect(to, 9);
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static NetworkNamespace Open(string? ns) => ns is null ? NetworkNamespace.OpenCurrent() : NetworkNamespace.Open(ns);
}
