using System.Net;
using Fairlead.Linux.Sockets.Loop;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>Listens, and serves each connection on the loop that has fewest: one loop a processor.</summary>
internal sealed class LeanServer : IAsyncDisposable
{
    private static readonly TimeSpan BetweenLooks = TimeSpan.FromMilliseconds(10);
    private readonly List<LoopListener> _listeners = [];
    private readonly LeanLoop[] _loops;
    private readonly LeanRules _rules;
    private readonly TimeSpan _grace;

    /// <exception cref="IOException">An address cannot be listened at.</exception>
    internal LeanServer(IngressOptions options, LeanRules rules, Handover handover)
    {
        (_rules, _grace) = (rules, options.ShutdownGrace);
        _loops = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(number => new LeanLoop(number, rules, handover))];
        try
        {
            foreach (var address in options.Http) Listen(address, isTls: false);
            foreach (var address in options.Https) Listen(address, isTls: true);
        }
        catch
        {
            StopListening();
            foreach (var loop in _loops) loop.Dispose();
            throw;
        }
    }

    internal IReadOnlyList<IPEndPoint> Addresses => [.. _listeners.Select(listener => listener.LocalEndPoint)];

    internal void StopListening()
    {
        foreach (var listener in _listeners) listener.Dispose();
        foreach (var loop in _loops) loop.Stop();
    }

    /// <summary>Waits for the requests under way as long as the options say.</summary>
    public async ValueTask DisposeAsync()
    {
        StopListening();
        var start = _rules.Time.GetTimestamp();
        while (_loops.Any(loop => loop.Count > 0) && _rules.Time.GetElapsedTime(start) < _grace) await Task.Delay(BetweenLooks, _rules.Time);
        foreach (var loop in _loops) loop.Dispose();
    }

    private void Listen(IPEndPoint address, bool isTls)
    {
        try
        {
            _listeners.Add(new LoopListener(address, (descriptor, client) => Least().Accept(descriptor, client, isTls)));
        }
        catch (System.Net.Sockets.SocketException e)
        {
            throw new IOException($"cannot listen at {address}: {e.Message}", e);
        }
    }

    private LeanLoop Least()
    {
        var least = _loops[0];
        foreach (var loop in _loops)
        {
            if (loop.Count < least.Count) least = loop;
        }
        return least;
    }
}
