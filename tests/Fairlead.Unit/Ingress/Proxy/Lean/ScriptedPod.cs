using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Fairlead.Unit.Ingress.Proxy.Lean;

/// <summary>A pod that does with its connections what a script says, however wrong.</summary>
internal sealed class ScriptedPod : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly Func<ScriptedPod, NetworkStream, Task> _script;
    private readonly Task _accepting;
    private readonly ConcurrentBag<TcpClient> _clients = [];

    public ScriptedPod(Func<ScriptedPod, NetworkStream, Task> script)
    {
        Address = Loopback.Next();
        _script = script;
        _listener = new TcpListener(Address, Pod.Port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public IPAddress Address { get; }

    public int Connections => _clients.Count;

    /// <summary>Reads one head.</summary>
    public static async Task<string> HeadAsync(Stream stream)
    {
        var text = new StringBuilder();
        var one = new byte[1];
        while (!text.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one) == 0) return text.ToString();
            text.Append((char)one[0]);
        }
        return text.ToString();
    }

    public static ValueTask SayAsync(Stream stream, string text) => stream.WriteAsync(Encoding.Latin1.GetBytes(text));

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        foreach (var client in _clients) client.Dispose();
        await _accepting;
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                _clients.Add(client);
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // Stopped.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        try
        {
            await using var stream = client.GetStream();
            await _script(this, stream);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // The proxy went away.
        }
        finally
        {
            client.Dispose();
        }
    }
}
