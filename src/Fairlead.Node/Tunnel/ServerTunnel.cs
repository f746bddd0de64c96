using System.Net;
using System.Net.Sockets;
using Fairlead.Kube.Client;
using Microsoft.Extensions.Logging;

namespace Fairlead.Node.Tunnel;

/// <summary>
/// Lets the API server reach this node's kubelet API through connections that this node opens, so that no firewall between the two need let
/// anything in. One control connection is held; on each <c>dial ID</c> another is opened and joined to the API. What goes through
/// it is TLS between the two ends, as without a tunnel (docs/decisions/0010).
/// </summary>
public sealed class ServerTunnel(KubeClient client, string node, int kubeletPort, ILogger log, TimeProvider time)
{
    private const string Protocol = "fairlead-tunnel";
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(200), LongestRetry = TimeSpan.FromSeconds(10);

    /// <summary>The server pings every 10 s; one that is silent for so long is gone, whatever the network says.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    private string Path => $"fairlead/nodes/{node}/tunnel";

    /// <summary>Until cancelled; a server that goes away is waited for.</summary>
    public async Task RunAsync(CancellationToken cancel)
    {
        for (var wait = FirstRetry; !cancel.IsCancellationRequested; wait = wait * 2 < LongestRetry ? wait * 2 : LongestRetry)
        {
            var began = time.GetTimestamp();
            try
            {
                await HoldAsync(cancel);
                TunnelLog.Ended(log, "the server closed it");
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TimeoutException)
            {
                TunnelLog.Ended(log, e.Message);
            }
            catch (OperationCanceledException) when (cancel.IsCancellationRequested)
            {
                return;
            }
            if (time.GetElapsedTime(began) > LongestRetry) wait = FirstRetry;
            await Task.Delay(wait, time, cancel).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task HoldAsync(CancellationToken cancel)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using var control = await OpenAsync(Path, cancel);
        using var lines = new StreamReader(control, leaveOpen: true);
        var carried = new List<Task>();
        try
        {
            while (await lines.ReadLineAsync(cancel).AsTask().WaitAsync(Silence, time, cancel) is { } line)
            {
                if (line.StartsWith("dial ", StringComparison.Ordinal)) carried.Add(CarryAsync(line[5..], stop.Token));
                else await control.WriteAsync("pong\n"u8.ToArray(), cancel);
                carried.RemoveAll(task => task.IsCompleted);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(carried);
        }
    }

    /// <summary>One connection: from the server, through this one, to the kubelet API of this node.</summary>
    private async Task CarryAsync(string id, CancellationToken cancel)
    {
        try
        {
            using var kubelet = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            await kubelet.ConnectAsync(new IPEndPoint(IPAddress.Loopback, kubeletPort), cancel);
            await using var local = new NetworkStream(kubelet);
            await using var server = await OpenAsync($"{Path}/{id}", cancel);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            var (up, down) = (CopyAsync(local, server, either.Token), CopyAsync(server, local, either.Token));
            // TLS says good-bye inside; whoever ends first ends both.
            await Task.WhenAny(up, down);
            await either.CancelAsync();
            await Task.WhenAll(up, down);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException or OperationCanceledException)
        {
            if (!cancel.IsCancellationRequested) TunnelLog.NotCarried(log, e.Message);
        }
    }

    private static async Task CopyAsync(Stream from, Stream to, CancellationToken cancel)
    {
        var buffer = new byte[32 * 1024];
        try
        {
            while (await from.ReadAsync(buffer, cancel) is var count and > 0)
            {
                await to.WriteAsync(buffer.AsMemory(0, count), cancel);
                await to.FlushAsync(cancel);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            // One side went away, which ends the connection as its end does.
        }
    }

    /// <summary>A request that becomes a connection (RFC 9110, section 7.8).</summary>
    private async Task<Stream> OpenAsync(string path, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Version = HttpVersion.Version11, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Connection.Add("Upgrade");
        request.Headers.Upgrade.ParseAdd(Protocol);
        var answer = await client.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        if (answer.StatusCode == HttpStatusCode.SwitchingProtocols) return await answer.Content.ReadAsStreamAsync(cancel);
        using (answer)
        {
            throw new IOException($"the server answered {(int)answer.StatusCode} to {path}");
        }
    }
}

internal static partial class TunnelLog
{
    [LoggerMessage(2411, LogLevel.Debug, "the tunnel to the server ended: {Reason}")]
    public static partial void Ended(ILogger log, string reason);

    [LoggerMessage(2412, LogLevel.Warning, "a connection through the tunnel failed: {Reason}")]
    public static partial void NotCarried(ILogger log, string reason);
}
