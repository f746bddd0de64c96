using System.Net;
using System.Net.Sockets;

namespace Fairlead.Unit.ApiServer.Storage;

/// <summary>Carries connections to a server, until it is told to lose what is said in one direction or both, or to cut them.</summary>
internal sealed class FaultyWire : IAsyncDisposable
{
    private readonly TcpListener _listener;
    private readonly IPEndPoint _target;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly List<TcpClient> _ends = [];
    private readonly Task _accepting;

    public FaultyWire(IPEndPoint target)
    {
        _target = target;
        _listener = new TcpListener(Loopback.Next(), target.Port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public Uri Server => new($"http://{_listener.LocalEndpoint}");

    public volatile bool LosesRequests;
    public volatile bool LosesAnswers;

    /// <summary>New connections are cut as soon as they are made.</summary>
    public volatile bool IsCut;

    public void CutAll()
    {
        lock (_lock)
        {
            foreach (var end in _ends) end.Dispose();
            _ends.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        CutAll();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                if (IsCut)
                {
                    client.Dispose();
                    continue;
                }
                var server = new TcpClient();
                await server.ConnectAsync(_target, _stop.Token);
                lock (_lock) _ends.AddRange([client, server]);
                _ = CarryAsync(client, server, () => LosesRequests);
                _ = CarryAsync(server, client, () => LosesAnswers);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // The end of the test.
            }
        }
    }

    private static async Task CarryAsync(TcpClient from, TcpClient to, Func<bool> loses)
    {
        try
        {
            var buffer = new byte[65536];
            while (await from.GetStream().ReadAsync(buffer) is > 0 and var count)
            {
                if (!loses()) await to.GetStream().WriteAsync(buffer.AsMemory(0, count));
            }
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException or InvalidOperationException)
        {
            // Cut.
        }
        finally
        {
            from.Dispose();
            to.Dispose();
        }
    }
}
