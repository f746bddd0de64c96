using System.Net;

namespace Fairlead.Dns.Forward;

/// <summary>How to ask other servers.</summary>
internal sealed record ForwardOptions
{
    public IReadOnlyList<IPEndPoint> Upstreams { get; init; } = [];

    /// <summary>Patience with one server before the next is asked.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Patience with one question; pods' resolvers give up after five seconds.</summary>
    public TimeSpan TotalTimeout { get; init; } = TimeSpan.FromMilliseconds(4500);

    /// <summary>How long a server that did not answer twice is left alone while others answer.</summary>
    public TimeSpan Rest { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest that an answer is kept, whatever its TTL (kubeadm: cache 30).</summary>
    public TimeSpan LongestCached { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long after its end an answer may still be given while no server answers (RFC 8767).</summary>
    public TimeSpan LongestStale { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Answers kept at most.</summary>
    public int CacheSize { get; init; } = 10_000;

    /// <summary>Questions on their way at most; more are refused at once.</summary>
    public int Concurrency { get; init; } = 1000;
}
