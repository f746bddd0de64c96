using Fairlead.Ingress.Routes;
using Fairlead.Linux.Sockets.Loop;

namespace Fairlead.Ingress.Proxy.Lean;

/// <summary>Connections of one loop to pods that wait for their next request. For the loop's thread.</summary>
internal sealed class UpstreamPool(EventLoop loop)
{
    private const int MostIdle = 320;

    /// <summary>Less than the 75 s after which most servers close an idle connection, so that few requests meet a closed one.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Dictionary<Endpoint, List<(LoopSocket Socket, long Since)>> _idle = [];
    private readonly List<Endpoint> _empty = [];

    /// <summary>One that was used before, or null.</summary>
    internal LoopSocket? Take(Endpoint endpoint, bool mustBeSure)
    {
        if (!_idle.TryGetValue(endpoint, out var idle)) return null;
        while (idle.Count > 0)
        {
            var (socket, _) = idle[^1];
            idle.RemoveAt(idle.Count - 1);
            // What a pod says unasked is the answer to no request.
            if (!socket.IsClosed && !socket.HasHungUp && !socket.MayHaveInput && (!mustBeSure || socket.IsQuiet())) return socket;
            socket.Dispose();
        }
        return null;
    }

    internal void Give(Endpoint endpoint, LoopSocket socket)
    {
        if (!_idle.TryGetValue(endpoint, out var idle)) _idle[endpoint] = idle = [];
        if (idle.Count >= MostIdle || socket.HasHungUp || socket.MayHaveInput)
        {
            socket.Dispose();
            return;
        }
        idle.Add((socket, loop.Now));
    }

    /// <summary>Closes those that waited too long, and those that pods closed.</summary>
    internal void Sweep()
    {
        foreach (var (endpoint, idle) in _idle)
        {
            idle.RemoveAll(Ended);
            if (idle.Count == 0) _empty.Add(endpoint);
        }
        foreach (var endpoint in _empty) _idle.Remove(endpoint);
        _empty.Clear();
    }

    private bool Ended((LoopSocket Socket, long Since) idle)
    {
        if (!idle.Socket.HasHungUp && loop.Time.GetElapsedTime(idle.Since, loop.Now) < Patience) return false;
        idle.Socket.Dispose();
        return true;
    }
}
