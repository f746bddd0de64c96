using Fairlead.Kube.Health;

namespace Fairlead.LoadBalancer.Bgp;

/// <summary>What is counted of one peer. Thread-safe.</summary>
internal sealed class PeerCounters(BgpPeer peer)
{
    private int _isUp, _announced, _pending;
    private long _updates;

    public string Labels { get; } = $"peer=\"{PrometheusText.Label(peer.ToString())}\"";
    public bool IsUp => Volatile.Read(ref _isUp) != 0;
    public int AnnouncedPrefixes => Volatile.Read(ref _announced);
    public int PendingPrefixes => Volatile.Read(ref _pending);
    public long Updates => Interlocked.Read(ref _updates);

    public void Up() => Volatile.Write(ref _isUp, 1);

    /// <summary>The peer has forgotten what it was told.</summary>
    public void Down()
    {
        Volatile.Write(ref _isUp, 0);
        Announced(0);
    }

    public void Update() => Interlocked.Increment(ref _updates);

    public void Pending(int prefixes) => Volatile.Write(ref _pending, prefixes);

    public void Announced(int prefixes)
    {
        Volatile.Write(ref _announced, prefixes);
        Pending(0);
    }
}

/// <summary>The metrics under the names of MetalLB's speaker (https://metallb.io/prometheus-metrics/).</summary>
internal static class BgpMetrics
{
    public static string Text(IEnumerable<PeerCounters> peers)
    {
        var text = new PrometheusText();
        Write("metallb_bgp_session_up", "gauge", "Whether the session with the peer is established.", peer => peer.IsUp ? 1 : 0);
        Write("metallb_bgp_updates_total", "counter", "UPDATE messages sent to the peer.", peer => peer.Updates);
        Write("metallb_bgp_announced_prefixes_total", "gauge", "Prefixes that the peer has from here now.", peer => peer.AnnouncedPrefixes);
        Write("metallb_bgp_pending_prefixes_total", "gauge", "Prefixes that the peer is still to be told of.", peer => peer.PendingPrefixes);
        return text.ToString();

        void Write(string name, string type, string help, Func<PeerCounters, double> value)
        {
            text.Metric(name, type, help);
            foreach (var peer in peers) text.Sample(name, peer.Labels, value(peer));
        }
    }
}
